"""Two builds side by side, for a pull request."""

from chaoskit.model.comparison import Comparison, Pair
from chaoskit.reporters.comparison_words import (
    LEGEND,
    SYMBOLS,
    headline,
    remarks,
    side_words,
    verdicts_of,
    words_of,
)
from chaoskit.reporters.markdown import escape

_HEADS = ("", "Experiment", "Measure", "A", "B", "Shift", "95 % interval", "Gate", "p")


def render(comparison: Comparison) -> str:
    """The comparison as GitHub-flavoured Markdown; text of others cannot become markup."""
    change, sentence = headline(comparison)
    parts = [f"## {SYMBOLS[change]} {escape(sentence)}", ""]
    parts += [f"> {escape(one)}\n" for one in comparison.warnings]
    if comparison.pairs:
        parts += [_line(_HEADS), _line(["---"] * 3 + ["---:"] * 6)]
        parts += [_line(cells) for pair in comparison.pairs for cells in _rows(pair)]
        parts += [""]
    parts += _remarks(comparison)
    parts += [LEGEND, ""]
    for name, side in (("A", comparison.baseline), ("B", comparison.candidate)):
        parts.append(f"- {name}: {escape(side_words(side))}")
    return "\n".join([*parts, ""])


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _rows(pair: Pair) -> list[list[str]]:
    name = f"{escape(pair.title)}<br>{escape(pair.name)}<br>{escape(verdicts_of(pair))}"
    if not pair.rows:
        change = f"{SYMBOLS[pair.change]} {pair.change.value}"
        return [[change, name, *[""] * 7]]
    found = []
    for number, row in enumerate(pair.rows):
        words = words_of(row)
        cells = [
            words.label,
            f"{words.baseline}<br>{words.baseline_trials}",
            f"{words.candidate}<br>{words.candidate_trials}",
            words.shift,
            words.interval,
            words.gate,
            words.p,
        ]
        change = f"{words.symbol} {words.word}"
        found.append([change, name if not number else "", *map(_kept_breaks, cells)])
    return found


def _kept_breaks(cell: str) -> str:
    return "<br>".join(escape(part) for part in cell.split("<br>"))


def _remarks(comparison: Comparison) -> list[str]:
    lines = [
        f"- {escape(pair.name)}: {escape(one)}"
        for pair in comparison.pairs
        for one in remarks(pair)
    ]
    return [*lines, ""] if lines else []
