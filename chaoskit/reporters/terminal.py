"""The terminal side: progress on stderr while it runs, the result on stdout when it is over."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.progress import Listener
from chaoskit.model.proof import ProofState
from chaoskit.model.wishes import Wishes
from chaoskit.reporters.figures import HEADLINE_MEASURES, Figure, figure, label_of
from chaoskit.reporters.headline import headline
from chaoskit.reporters.proof_words import state_of, state_words
from chaoskit.reporters.terminal_keys import Keys
from chaoskit.reporters.terminal_live import LiveListener
from chaoskit.reporters.terminal_plain import PlainListener, fit
from chaoskit.reporters.text import one_line, redact
from chaoskit.reporters.wording import (
    UNKNOWN,
    Result,
    error_budget_words,
    result_of,
    verdict_words,
)

_WIDTH_WITHOUT_TERMINAL = 160  # a log has no edge, and a folded name is hard to find again
_NAME_WIDTH = 40
_STYLES = {
    Result.PASSED: "green",
    Result.EXPECTED: "green",
    Result.FAILED: "red",
    Result.INCONCLUSIVE: "yellow",
    Result.ERROR: "bold red",
    Result.LEFT_BEHIND: "bold red",
}


@contextmanager
def watching(keyboard: TextIO | None, stream: TextIO) -> Iterator[tuple[Listener, Wishes]]:
    """Whoever is told of a run, and what they wish for: by keys, where there is a live view."""
    with ExitStack() as ends:
        typing = keyboard is not None and not keyboard.closed and keyboard.isatty()
        keys = Keys(keyboard) if keyboard and typing and is_live(stream, os.environ) else None
        shown = listener(stream, wishes=keys)
        ends.enter_context(shown)
        if keys is not None and isinstance(shown, LiveListener):
            keys.erase = shown.painter.erase
            ends.enter_context(keys.read())
        yield shown, keys or Wishes()


def is_live(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a person sits before the stream. In CI nobody does, even where it has a terminal."""
    still = environ.get("CI") or environ.get("TTY_INTERACTIVE") == "0"
    return stream.isatty() and not still and environ.get("TERM") != "dumb"


def listener(
    stream: TextIO,
    *,
    wishes: Wishes | None = None,
    environ: Mapping[str, str] | None = None,
    now_ns: Callable[[], int] = time.monotonic_ns,  # noqa: TID251 - a display; nothing is measured
    wall_ns: Callable[[], int] = time.time_ns,
) -> LiveListener | PlainListener:
    """The listener for a stream, a context manager: live on a terminal, lines everywhere else."""
    if is_live(stream, os.environ if environ is None else environ):
        return LiveListener(stream, now_ns=now_ns, wishes=wishes)
    return PlainListener(stream, now_ns=now_ns, wall_ns=wall_ns)


def show_summary(journal: Journal, report_path: Path | str | None, stream: TextIO) -> None:
    """Print the result of a run."""
    width = None
    if not stream.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    console.print(summary(journal, report_path, encoding=console.encoding))


def summary(
    journal: Journal, report_path: Path | str | None, *, encoding: str = "utf-8"
) -> RenderableType:
    """The final table and the verdict, fit for the encoding; no text is taken as markup."""
    head = headline(journal)
    parts: list[RenderableType] = []
    if journal.experiments:
        parts += [_table(journal, encoding)]
        parts += [Text("Times are the worst of the trials / the budget.", style="dim"), Text("")]
    parts += _error_budgets(journal, encoding)
    verdict = Text(
        fit(f"{head.result.symbol} {head.sentence}", encoding), style=_STYLES[head.result]
    )
    verdict.stylize("bold")
    parts.append(verdict)
    parts += [
        Text(fit(one_line(aside, limit=1000), encoding), style="bold red") for aside in head.asides
    ]
    rows = [("report", str(report_path))] if report_path is not None else []
    for name, value in [*rows, ("repeat", redact(journal.command))]:
        parts.append(
            Text(f"  {name}  ", style="dim", no_wrap=True, overflow="ignore").append(
                fit(one_line(value, limit=4000), encoding), style="default"
            )
        )
    return Group(*parts)


def _error_budgets(journal: Journal, encoding: str) -> list[Text]:
    told = [(one.name, words) for one in journal.experiments if (words := error_budget_words(one))]
    lines = [
        Text(fit(one_line(f"{name}: {words}", limit=400), encoding), style="dim")
        for name, words in told
    ]
    return [*lines, Text("")] if lines else []


def _table(journal: Journal, encoding: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    longest = max((len(record.name) for record in journal.experiments), default=0)
    table.add_column("Experiment", overflow="fold", min_width=min(longest, _NAME_WIDTH))
    table.add_column("Verdict")
    for measure in HEADLINE_MEASURES:
        table.add_column(label_of(measure), justify="right")
    table.add_column("Trials", justify="right")
    table.add_column("Proof")
    for record in journal.experiments:
        table.add_row(*(_fitted(cell, encoding) for cell in _cells(record)))
    return table


def _cells(record: ExperimentRecord) -> list[Text]:
    result = result_of(record)
    verdict = verdict_words(record.judgement.verdict) if record.judgement else "not judged"
    if result is Result.EXPECTED:
        verdict += ", as expected"
    elif record.expect is not None:
        verdict += f", expected {verdict_words(record.expect)}"
    return [
        Text(one_line(record.name, limit=80)),
        Text(f"{result.symbol} {verdict}", style=_STYLES[result]),
        *(_figure_cell(figure(record, measure)) for measure in HEADLINE_MEASURES),
        Text(str(len(record.trials))),
        _proof_cell(record),
    ]


def _proof_cell(record: ExperimentRecord) -> Text:
    """Whether the experiment has shown that it can fail."""
    state = state_of(record.proof)
    style = {ProofState.PROVEN: "green", ProofState.FAILED: "red"}.get(state, "dim")
    return Text(state_words(record.proof), style=style)


def _figure_cell(one: Figure) -> Text:
    """The worst of the trials against its budget: `1.19 s / 2s ✓`."""
    if one.worst == UNKNOWN and one.budget is None:
        return Text(UNKNOWN, style="dim")
    cell = Text(one.worst)
    if one.budget is None:
        return cell
    symbol, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[one.kept]
    return cell.append(f" / {one.budget.text} ", style="dim").append(symbol, style=style)


def _fitted(cell: Text, encoding: str) -> Text:
    """A cell in an encoding; its styles are lost only where its characters are."""
    plain = fit(cell.plain, encoding)
    return cell if plain == cell.plain else Text(plain, style=cell.style)
