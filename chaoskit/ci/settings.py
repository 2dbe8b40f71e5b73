"""chaoskit.toml: what `chaoskit ci` runs when nobody says, and what it demands of the result.

    [ci]
    paths = ["experiments"]
    trials = 5
    gate = "merge"

    [gate.merge]
    require_faults = ["crash", "partition"]
    fail_on = ["flaky", "slower"]

A gate can only demand more than the verdicts do. It cannot excuse anything: what a run found stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chaoskit.errors import InputError, Problem
from chaoskit.model.quantities import parse_ratio
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.repository import in_repository
from chaoskit.plan.shape import ListOf, MapOf, Number, Record, Text
from chaoskit.plan.tomltree import read_toml
from chaoskit.plan.tree import Fields, Node, Place, child, pairs_of, plain
from chaoskit.store.address import Store, store_of

FILE = Path("chaoskit.toml")

# What may be made to fail a run that its verdicts let pass, with the reason a reader needs.
CONDITIONS = {
    "flaky": "an experiment went to and fro within its last ten runs",
    "slower": "an experiment recovers slower than it usually does",
    "expired": "an experiment of the history was not run for `expire_days`",
    "unproven": "an experiment never showed that it can fail (`chaoskit prove`)",
    "known-weakness": "an experiment reached the bad verdict that it expects",
    "masked": "users saw nothing of a fault, so recovery was not exercised",
}
_ALWAYS = {"finding": 1, "failed": 1, "broken": 1, "inconclusive": 3, "error": 6, "left-behind": 7}
EXPIRE_DAYS = 30.0


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What is demanded beyond the verdicts."""

    name: str = ""
    file: str = ""  # where it stands, for messages
    line: int = 0
    fail_on: tuple[str, ...] = ()
    min_experiments: int = 0  # that came to a conclusive verdict
    min_trials: int = 0  # valid ones, of every experiment
    min_margin: float = 0.0  # the share of a budget of time that the worst trial must leave
    max_known_weaknesses: int | None = None
    require_faults: tuple[str, ...] = ()
    require_targets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The file's `[ci]` and the gate that is in force."""

    paths: tuple[Path, ...] = ()
    tags: tuple[str, ...] = ()
    trials: int | None = None
    out: Path = Path("chaos-results")
    expire_days: float = EXPIRE_DAYS
    publish: Store | None = None  # where runs are copied to
    gate: Gate = field(default_factory=Gate)


_FAIL_ON = ListOf(Text(choices=tuple(CONDITIONS)), "What fails a run although its verdicts pass.")
_GATE = Record(
    {
        "fail_on": _FAIL_ON,
        "min_experiments": Number("Conclusive experiments at least.", low=0, whole=True),
        "min_trials": Number("Valid trials of every experiment at least.", low=0, whole=True),
        "min_margin": Text("What the worst trial leaves of a budget of time.", parse=parse_ratio),
        "max_known_weaknesses": Number("Expected bad verdicts at most.", low=0, whole=True),
        "require_faults": ListOf(Text(), "Faults that must have been tried conclusively."),
        "require_targets": ListOf(Text(), "Targets that must have been tried conclusively."),
    }
)
_SHAPE = Record(
    {
        "ci": Record(
            {
                "paths": ListOf(Text(), "Experiment files, or folders of them."),
                "tags": ListOf(Text(), "Only experiments with one of these tags."),
                "trials": Number("Trials of each experiment.", low=1, whole=True),
                "out": Text("The folder for what a CI collects."),
                "expire_days": Number("Days without a run until an experiment is expired.", low=0),
                "publish": Text("The store that runs are copied to: s3://BUCKET/PREFIX."),
                "gate": Text("The gate that is in force, by its name."),
            }
        ),
        "gate": MapOf(_GATE),
    }
)


def read_settings(path: Path | None, gate: str | None, fail_on: Sequence[str] = ()) -> Settings:
    """The settings of a file (chaoskit.toml, when there is one), with the gate that is asked for.

    Raises InputError with every mistake of the file, and for a gate that it has not.
    """
    file = path or FILE
    report = Report(str(file))
    tree = read_toml(file, report) if path is not None or file.exists() else Fields(Place(0, 0))
    if tree is not None:
        _SHAPE.check(tree, report, "the file")
    report.raise_if_any()
    assert tree is not None, "a file that could not be read was reported"
    chosen = _gate(tree, gate, report)
    publish = _publish(child(tree, "ci", "publish"), report)
    report.raise_if_any()
    ci: Mapping[str, Any] = plain(child(tree, "ci")) or {}
    given = {key: ci[key] for key in ("trials", "expire_days") if key in ci}
    gate_in_force = replace(
        chosen, fail_on=tuple(dict.fromkeys([*chosen.fail_on, *_known(fail_on)]))
    )
    return Settings(
        paths=tuple(map(Path, ci.get("paths", ()))),
        tags=tuple(ci.get("tags", ())),
        out=Path(ci.get("out", "chaos-results")),
        publish=publish,
        gate=gate_in_force,
        **given,
    )


def _publish(node: Node | None, report: Report) -> Store | None:
    """Where the file says that runs go; a wrong address is told with its line."""
    if node is None:
        return None
    try:
        return store_of(str(plain(node)), f"{report.file}: publish")
    except InputError as error:
        for one in error.problems:
            report.add(node, one.message, one.hint)
        return None


def _gate(tree: Fields, asked: str | None, report: Report) -> Gate:
    named = child(tree, "ci", "gate")
    name = asked or plain(named) or ""
    gates: dict[str, tuple[Node, Node]] = {
        str(key.value): (key, value) for key, value in pairs_of(child(tree, "gate"))
    }
    if not name:
        return Gate()
    if name not in gates:
        message = f"there is no gate {name!r}"
        hint = suggest(name, gates) if gates else f"write a table [gate.{name}]"
        report.add(None if asked else named, message, hint)
        return Gate()
    key, node = gates[name]
    values: dict[str, Any] = dict(plain(node))
    if "min_margin" in values:
        values["min_margin"] = parse_ratio(values["min_margin"])
    lists = {one: tuple(value) for one, value in values.items() if isinstance(value, list)}
    file = in_repository(Path(report.file))
    return Gate(name=name, file=file, line=key.line, **{**values, **lists})


def _known(words: Sequence[str]) -> tuple[str, ...]:
    """Conditions off the command line, several of them with commas between. Raises InputError."""
    split = [word.strip() for text in words for word in text.split(",") if word.strip()]
    problems = []
    for word in split:
        if word in _ALWAYS:
            hint = f"that always fails a run, with exit {_ALWAYS[word]}; leave it out"
        elif word not in CONDITIONS:
            hint = suggest(word, CONDITIONS)
        else:
            continue
        problems.append(Problem(file="--fail-on", message=f"{word!r} is no condition", hint=hint))
    if problems:
        raise InputError(problems)
    return tuple(split)
