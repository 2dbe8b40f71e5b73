"""How experiments fared over the stored runs, on a terminal."""

import os
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chaoskit.model.measures import Unit
from chaoskit.model.quantities import format_duration
from chaoskit.model.trend import Pace, Point, State, Trend
from chaoskit.reporters.figures import label_of
from chaoskit.reporters.terminal_plain import fit
from chaoskit.reporters.text import one_line
from chaoskit.reporters.wording import UNKNOWN, value_text, verdict_words

_WIDTH_WITHOUT_TERMINAL = 140
_STATE_STYLES = {
    State.NEW: "cyan",
    State.FIXED: "green",
    State.BROKEN: "red",
    State.FLAKY: "yellow",
    State.EXPIRED: "yellow",
    State.STABLE: "default",
    State.UNTOLD: "yellow",
}
_PACE_STYLES = {Pace.SLOWER: "yellow", Pace.FASTER: "green", Pace.USUAL: "default"}


def show(trends: tuple[Trend, ...], last: int, stream: TextIO) -> None:
    """Print a row an experiment, the newest run on the right, and every change of level."""
    width = None
    if not stream.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    if not trends:
        console.print("No runs are stored yet: `chaoskit run` adds to reports/history.jsonl.")
        return
    console.print(_table(trends, last, console.encoding))
    for line in _lines(trends):
        console.print(Text(fit(one_line(line), console.encoding), style="yellow"))


def _table(trends: tuple[Trend, ...], last: int, encoding: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Experiment", overflow="fold")
    table.add_column("State")
    table.add_column(f"Last {last} runs")
    table.add_column("Verdict")
    table.add_column(label_of(trends[0].measure), justify="right")
    table.add_column("Usual", justify="right")
    table.add_column("Trend")
    for trend in trends:
        cells = _cells(trend, last)
        table.add_row(*(Text(fit(one.plain, encoding), style=one.style) for one in cells))
    return table


def _cells(trend: Trend, last: int) -> list[Text]:
    verdict = trend.last.verdict
    usual = UNKNOWN
    if trend.usual is not None:
        usual = f"{value_text(trend.usual, Unit.SECONDS)} of {trend.earlier}"
    return [
        Text(one_line(trend.experiment, limit=80)),
        Text(trend.state.value, style=_STATE_STYLES[trend.state]),
        Text("".join(map(_symbol, trend.points[-last:]))),
        Text(verdict_words(verdict) if verdict else "not judged"),
        Text(
            "not seen to end" if trend.last.beyond else value_text(trend.last.value, Unit.SECONDS)
        ),
        Text(usual),
        Text(trend.pace.value, style=_PACE_STYLES.get(trend.pace, "dim")),
    ]


def _symbol(point: Point) -> str:
    if point.verdict is None or not point.verdict.conclusive:
        return "?"
    return "✓" if point.passed else "✗"


def _lines(trends: tuple[Trend, ...]) -> list[str]:
    lines = []
    for trend in trends:
        if trend.pace is Pace.SLOWER and trend.limit is not None:
            passes = " (it still passes)" if trend.last.passed else ""
            limit = format_duration(trend.limit)
            lines.append(f"! {trend.experiment} is slower than usual: above {limit}{passes}")
        lines += [
            f"! {trend.experiment} changed with run {one.run} ({one.at[:10]}): "
            f"{format_duration(one.before)} before, {format_duration(one.after)} since"
            for one in trend.shifts
        ]
    return lines
