"""Everything that `chaoskit explain` knows, by name: what it is, what it means, what to do."""

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaoskit.errors import Exit
from chaoskit.faults.base import catalogue as faults
from chaoskit.healers.base import HealerKind
from chaoskit.healers.base import catalogue as healers
from chaoskit.manual.codes import CODES, OTHER, Code
from chaoskit.manual.exits import EXITS
from chaoskit.manual.verdicts import LOOK
from chaoskit.measures.base import Measure
from chaoskit.measures.base import catalogue as measures
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.verdict import Verdict
from chaoskit.plan import fault_pages
from chaoskit.plan.fault_manual import manual_of
from chaoskit.probes import shelf as probes

EXIT_CODES = "exit-codes"

_ASKED_FUNCTIONS = ("redis", "postgres", "port")  # modules of probes for `type: python`
_EXAMPLES = {Unit.SECONDS: "5s", Unit.RATIO: "99%", Unit.COUNT: "0"}


@dataclass(frozen=True, kw_only=True)
class Page:
    """One thing that can be explained."""

    name: str
    kind: str  # fault, verdict, exit code, measure, healer, probe, error
    title: str
    parts: Mapping[str, str]  # heading → text; what begins with a space keeps its lines

    def text(self, width: int) -> str:
        """For a terminal."""
        lines = [f"{self.name} ({self.kind})", *_wrapped(self.title, width)]
        for heading, text in self.parts.items():
            lines += ["", heading, *_wrapped(text, width)]
        return "\n".join(lines)


def names() -> dict[str, str]:
    """Every name that has a page, and what it is."""
    return {
        **dict.fromkeys(faults(), "fault"),
        **dict.fromkeys((one.value for one in Verdict), "verdict"),
        EXIT_CODES: "exit codes",
        **{str(int(one)): "exit code" for one in Exit},
        **dict.fromkeys(measures(), "measure"),
        **dict.fromkeys(healers(), "healer"),
        **dict.fromkeys((*probes.names(), *_ASKED_FUNCTIONS), "probe"),
        **{one.code: "error" for one in (*CODES, OTHER)},
    }


def pages(word: str, width: int) -> Iterator[Page | str]:
    """Every page of a name, in any of its spellings; a fault's is a text already."""
    spellings = {word, word.lower().replace("-", "_"), word.lower().replace("_", "-"), word.upper()}
    for name in sorted(spellings):
        if name in faults():
            yield fault_pages.terminal(manual_of(faults()[name]), width)
        if name in set(Verdict):
            yield _verdict(Verdict(name))
        if name == EXIT_CODES:
            yield _exit_codes()
        if name in measures():
            yield _measure(measures()[name])
        if name in healers():
            yield _healer(healers()[name])
        if name in (*probes.names(), *_ASKED_FUNCTIONS):
            yield _probe(name)
    yield from (_exit(one) for one in Exit if word == str(int(one)))
    yield from (_code(one) for one in (*CODES, OTHER) if word.upper() == one.code)


def _verdict(one: Verdict) -> Page:
    look, do = LOOK[one]
    code = one.exit_code
    parts = {
        "Look at": look,
        "Do next": do,
        "Exit code": f"{int(code)}: {EXITS[code][0]}",
    }
    return Page(name=one.value, kind="verdict", title=_sentence(one.meaning), parts=parts)


def _exit(one: Exit) -> Page:
    meaning, do = EXITS[one]
    verdicts = ", ".join(verdict.value for verdict in Verdict if verdict.exit_code is one)
    parts = {"Do next": do, **({"Verdicts": verdicts} if verdicts else {})}
    return Page(name=str(int(one)), kind="exit code", title=_sentence(meaning), parts=parts)


def _exit_codes() -> Page:
    table = "\n".join(f"  {int(one):>3}  {EXITS[one][0]}" for one in Exit)
    order = "When several apply: 7, then the signal, then 6, 4, 1, 3; 8 only instead of 0."
    title = "What the process says to its caller."
    return Page(
        name=EXIT_CODES, kind="table", title=title, parts={"Codes": table, "Precedence": order}
    )


def _measure(one: Measure) -> Page:
    bound = "an upper bound" if one.sense is Sense.AT_MOST else "a lower bound"
    example = _EXAMPLES.get(one.unit, "1")
    first, _, rest = (inspect.getdoc(one) or one.about).partition("\n")
    parts = {"Budget": f"{bound}, e.g. budgets: {{{one.name}: {example}}}"}
    if rest.strip():
        parts = {"How it is told": " ".join(rest.split()), **parts}
    parts["Definition"] = "docs/measurement.md has the formula, and what its interval means."
    return Page(name=one.name, kind="measure", title=first, parts=parts)


def _healer(one: HealerKind) -> Page:
    first, _, rest = (inspect.getdoc(one) or one.about).partition("\n")
    settings = "\n".join(
        f"  {setting.name} ({setting.default if setting.default is not None else 'none'}): "
        f"{setting.about}"
        for setting in one.settings
    )
    parts = {
        **({"More": " ".join(rest.split())} if rest.strip() else {}),
        "Acts alone": "yes" if one.acts_alone else "no: it notices, and somebody else must act",
        "Settings, with what holds when they are absent": settings or "  none",
        "What it is seen by": one.witness,
        "Between two trials": one.rearm,
        "In target.yaml": f"  healers:\n    - {{name: {one.name}, kind: {one.name}}}",
    }
    return Page(name=one.name, kind="healer", title=first, parts=parts)


def _probe(name: str) -> Page:
    if name in probes.POOLED:
        text = "It runs in a pool at the rate that it can keep, which the baseline finds out."
        return Page(
            name=name, kind="probe", title=_sentence(probes.summary(name)), parts={"Rate": text}
        )
    if name in probes.added().entries:
        title = _sentence(probes.summary(name))
        return Page(name=name, kind="probe", title=title, parts={})
    document = inspect.getdoc(importlib.import_module(f"chaoskit.probes.{name}")) or ""
    first, _, rest = document.partition("\n\n")
    parts = {"More": textwrap.indent(rest, " ")} if rest else {}
    return Page(name=name, kind="probe", title=" ".join(first.split()), parts=parts)


def _code(one: Code) -> Page:
    parts = {"What it means": one.means, "What mends it": one.mend}
    return Page(name=one.code, kind="error", title=_sentence(one.title), parts=parts)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text and text[-1] not in ".?!" else text


def _wrapped(text: str, width: int) -> list[str]:
    """Two columns in; lines that were laid out by hand stay as they are."""
    if re.match(r"\s", text):
        return text.splitlines()
    return textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ")
