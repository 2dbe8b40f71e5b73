"""Two builds side by side in one file, in the style of the report."""

from dataclasses import dataclass

from markupsafe import Markup

from chaoskit import __version__
from chaoskit.model.comparison import Change, Comparison, Pair, Row
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.side import Taken
from chaoskit.reporters import svg
from chaoskit.reporters.charts import Words, frame
from chaoskit.reporters.comparison_words import (
    LEGEND,
    SYMBOLS,
    TONES,
    RowWords,
    headline,
    remarks,
    side_words,
    verdicts_of,
    words_of,
)
from chaoskit.reporters.html import fill
from chaoskit.reporters.wording import value_text

_WIDTH, _HEIGHT, _LEFT, _RIGHT = 260.0, 44.0, 20.0, 252.0
_ROWS = {"A": 13.0, "B": 32.0}


@dataclass(frozen=True, kw_only=True)
class RowView:
    """A row, with the trials of both sides drawn."""

    words: RowWords
    drawing: Markup


@dataclass(frozen=True, kw_only=True)
class PairView:
    """One experiment."""

    id: str
    pair: Pair
    symbol: str
    tone: str
    verdicts: str
    remarks: tuple[str, ...]
    rows: tuple[RowView, ...]


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """The whole page."""

    sentence: str
    symbol: str
    tone: str
    counts: tuple[tuple[Change, str, str, int], ...]  # change, symbol, tone, how many
    sides: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    pairs: tuple[PairView, ...]
    legend: str
    version: str


def render(comparison: Comparison) -> str:
    """The page; the same text for the same comparison."""
    return fill("comparison.html.j2", page=view_of(comparison))


def view_of(comparison: Comparison) -> ComparisonView:
    """Everything that the template shows."""
    change, sentence = headline(comparison)
    counted = [(one, SYMBOLS[one], TONES[one], comparison.count(one)) for one in Change]
    return ComparisonView(
        sentence=sentence,
        symbol=SYMBOLS[change],
        tone=TONES[change],
        counts=tuple(one for one in counted if one[3]),
        sides=(("A", side_words(comparison.baseline)), ("B", side_words(comparison.candidate))),
        warnings=comparison.warnings,
        pairs=tuple(_pair(f"e{i}", one) for i, one in enumerate(comparison.pairs, start=1)),
        legend=LEGEND,
        version=__version__,
    )


def _pair(page_id: str, pair: Pair) -> PairView:
    return PairView(
        id=page_id,
        pair=pair,
        symbol=SYMBOLS[pair.change],
        tone=TONES[pair.change],
        verdicts=verdicts_of(pair),
        remarks=tuple(remarks(pair)),
        rows=tuple(
            RowView(words=words_of(row), drawing=draw(f"{page_id}-{row.measure}", row))
            for row in pair.rows
        ),
    )


def draw(drawing_id: str, row: Row) -> Markup:
    """Every trial of both sides on one scale; a hollow dot was not seen to end."""
    sides = [("A", row.baseline), ("B", row.candidate)]
    values = [one for _, taken in sides if taken for one in (*taken.seen, *taken.beyond)]
    if not values:
        return Markup("")
    x = _scale(values, row)
    children: list[Markup] = []
    for side, taken in sides:
        y = _ROWS[side]
        children.append(svg.label(4, y + 4, side, svg.MUTED))
        children.append(svg.line(_LEFT, y, _RIGHT, y, svg.AXIS))
        dots = [
            *((value, svg.DOT) for value in (taken.seen if taken else ())),
            *((value, svg.HEALER_OPEN) for value in (taken.beyond if taken else ())),
        ]
        children += [
            svg.tag("circle", cx=x(value), cy=y, r=4.0, paint=paint) for value, paint in dots
        ]
    words = Words(
        id=drawing_id,
        title=f"{row.measure.replace('_', ' ').capitalize()} of every trial",
        description=". ".join(f"{side}: {_listed(taken)}" for side, taken in sides),
    )
    return frame(words, _WIDTH, _HEIGHT, svg.group(children))


def _scale(values: list[float], row: Row) -> svg.Scale:
    low, high = 0.0, max(values) * 1.05 or 1.0
    if row.unit is Unit.RATIO and row.sense is Sense.AT_LEAST:
        low, high = min(values) - (1 - min(values)) * 0.1 - 1e-6, 1.0
    return svg.Scale(low=low, high=high, start=_LEFT + 5, end=_RIGHT - 5)


def _listed(taken: Taken | None) -> str:
    if taken is None or not len(taken):
        return "no value"
    ended = [value_text(one, taken.unit) for one in taken.seen]
    return ", ".join([*ended, *(f"over {value_text(one, taken.unit)}" for one in taken.beyond)])
