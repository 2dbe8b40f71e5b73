"""Two builds side by side on a terminal."""

import os
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chaoskit.model.comparison import Change, Comparison, Pair
from chaoskit.reporters.comparison_words import (
    SYMBOLS,
    RowWords,
    headline,
    remarks,
    side_words,
    verdicts_of,
    words_of,
)
from chaoskit.reporters.terminal_plain import fit
from chaoskit.reporters.text import one_line

_WIDTH_WITHOUT_TERMINAL = 140
_STYLES = {
    Change.SAME: "green",
    Change.SLOWER: "red",
    Change.FASTER: "green",
    Change.CANNOT_TELL: "yellow",
    Change.ONLY_A: "yellow",
    Change.ONLY_B: "yellow",
}


def show(comparison: Comparison, stream: TextIO) -> None:
    """Print the table, what must be known to read it, and the headline last."""
    width = None
    if not stream.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    encoding = console.encoding
    for name, side in (("A", comparison.baseline), ("B", comparison.candidate)):
        console.print(Text(fit(f"{name}  {one_line(side_words(side))}", encoding), style="dim"))
    console.print(Text(""))
    if comparison.pairs:
        console.print(_table(comparison, encoding))
    for warning in _warnings(comparison):
        console.print(Text(fit(f"! {one_line(warning)}", encoding), style="yellow"))
    change, sentence = headline(comparison)
    text = Text(fit(f"{SYMBOLS[change]} {sentence}", encoding), style=_STYLES[change])
    text.stylize("bold")
    console.print(text)


def _warnings(comparison: Comparison) -> list[str]:
    own = [f"{pair.name}: {one}" for pair in comparison.pairs for one in remarks(pair)]
    return [*comparison.warnings, *own]


def _table(comparison: Comparison, encoding: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Experiment", overflow="fold")
    table.add_column("Measure")
    for name in ("A", "B", "Shift"):
        table.add_column(name, justify="right")
    table.add_column("95 % interval", overflow="fold")
    table.add_column("Verdict", overflow="fold")
    for pair in comparison.pairs:
        for cells in _lines(pair):
            table.add_row(*(Text(fit(one.plain, encoding), style=one.style) for one in cells))
    return table


def _lines(pair: Pair) -> list[list[Text]]:
    name = one_line(f"{pair.name} ({verdicts_of(pair)})", limit=120)
    if not pair.rows:
        verdict = Text(f"{SYMBOLS[pair.change]} {pair.change.value}", style=_STYLES[pair.change])
        return [[Text(name), *[Text("")] * 5, verdict]]
    return [
        [Text(name if not number else ""), *_cells(words_of(row))]
        for number, row in enumerate(pair.rows)
    ]


def _cells(words: RowWords) -> list[Text]:
    return [
        Text(words.label),
        Text(words.baseline),
        Text(words.candidate),
        Text(words.shift),
        Text(words.interval),
        Text(f"{words.symbol} {words.word}", style=_STYLES[words.row.change]),
    ]
