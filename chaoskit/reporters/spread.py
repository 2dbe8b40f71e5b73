"""How recovery is spread over the trials: every trial a dot, the budget, and what may be claimed.

The bound assumes no distribution: it is an order statistic, so a few trials allow a weak claim and
the drawing says so instead of drawing a curve that nobody measured.
"""

import math
from dataclasses import dataclass

from markupsafe import Markup

from chaoskit.model.journal import ExperimentRecord
from chaoskit.model.quantities import format_duration
from chaoskit.reporters import svg
from chaoskit.reporters.charts import LEFT, RIGHT, WIDTH, Words, frame
from chaoskit.reporters.figures import Dot, figure
from chaoskit.stats.quantile import upper_bound

_LABEL = 110.0  # the room of the last line's words
_DOT = 9.0  # the room of one dot
_QUANTILES = ((0.99, "p99"), (0.95, "p95"), (0.9, "p90"), (0.5, "median"))
_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The dots, and the strongest bounds that they allow."""

    dots: tuple[Dot, ...]
    budget_s: float | None
    budget_text: str
    bounds: tuple[tuple[str, float], ...]  # "median", and what it is below with 95 % confidence

    @property
    def words(self) -> str:
        """The same in words."""
        seen = sorted(one.value for one in self.dots if not one.censored)
        late = len(self.dots) - len(seen)
        parts = []
        if seen:
            parts.append(
                f"{len(seen)} trials recovered after {format_duration(seen[0])} to "
                f"{format_duration(seen[-1])}, half of them by "
                f"{format_duration(seen[(len(seen) - 1) // 2])}"
            )
        if late:
            parts.append(f"{late} not seen to recover")
        said = "; ".join(parts) + "."
        if self.bounds:
            bounds = ", ".join(
                f"the {name} is at most {format_duration(b)}" for name, b in self.bounds
            )
            return f"{said} With 95 % confidence {bounds}."
        return f"{said} So few trials bound nothing with 95 % confidence; five bound the median."


def spread_of(record: ExperimentRecord) -> Spread | None:
    """The spread of recovery; None when users felt nothing, or nothing is known."""
    found = figure(record, "recovery")
    if not any(one.value or one.censored for one in found.dots):
        return None
    values = [math.inf if one.censored or one.after_lift else one.value for one in found.dots]
    bounds = []
    for share, name in _QUANTILES:
        bound = upper_bound(values, share, _CONFIDENCE)
        if bound is not None and math.isfinite(bound):
            bounds.append((name, bound))
    return Spread(
        dots=found.dots,
        budget_s=found.budget.bound if found.budget else None,
        budget_text=found.budget.text if found.budget else "",
        bounds=tuple(bounds[:2]),
    )


def draw_spread(spread: Spread, words: Words) -> Markup:
    """Dots that are stacked where they would touch, with budget and bounds as upright lines."""
    known = [one.value for one in spread.dots] + [bound for _, bound in spread.bounds]
    high = max([*known, spread.budget_s or 0.0]) * 1.06 or 1.0
    x = svg.Scale(low=0.0, high=high, start=LEFT, end=RIGHT - _LABEL)
    places, tall = _stacked(spread.dots, x)
    lines = [
        (bound, f"{name} ≤ {format_duration(bound)}", svg.LINE_BOUND)
        for name, bound in spread.bounds
    ]
    if spread.budget_s is not None:
        lines.append((spread.budget_s, f"budget {spread.budget_text}", svg.LINE_BUDGET))
    lines.sort(key=lambda one: one[0])
    rows = svg.stack([(x(at), x(at) + svg.width_of(text) + 10) for at, text, _ in lines])
    top = 17.0 * (max(rows, default=-1) + 1) + 8
    base = top + max(tall * _DOT, 2 * _DOT) + 4
    drawn = [
        svg.label(4, base - 4, "recovery", svg.MUTED),
        svg.line(LEFT, base, RIGHT, base, svg.AXIS),
    ]
    ticks = svg.nice_ticks(0.0, high, 9)
    drawn += [svg.line(x(value), base, x(value), base + 4, svg.AXIS) for value in ticks]
    drawn += [
        svg.label(x(value), base + 17, f"{value:g} s", svg.MUTED, anchor="middle")
        for value in ticks
    ]
    for (at, text, paint), row in zip(lines, rows, strict=True):
        drawn.append(svg.line(x(at), row * 17 + 3, x(at), base, paint))
        drawn.append(svg.label(x(at) + 5, row * 17 + 13, text, svg.HALO))
    for dot, at, level in places:
        drawn.append(_mark(dot, at, base - _DOT * (level + 0.6)))
    return frame(words, WIDTH, base + 24, svg.group(drawn))


def _stacked(dots: tuple[Dot, ...], x: svg.Scale) -> tuple[list[tuple[Dot, float, int]], int]:
    ends: list[float] = []
    placed = []
    for dot in sorted(dots, key=lambda one: one.value):
        at = x(dot.value)
        level = next((i for i, end in enumerate(ends) if end <= at), len(ends))
        if level == len(ends):
            ends.append(0.0)
        ends[level] = at + _DOT
        placed.append((dot, at, level))
    return placed, len(ends)


def _mark(dot: Dot, x: float, y: float) -> Markup:
    """A dot; a cross when it missed its budget; an arrow when it was not seen to end."""
    title = svg.tag(
        "title", f"trial {dot.trial}: {'over ' if dot.censored else ''}{format_duration(dot.value)}"
    )
    if dot.censored:
        path = f"M{svg.num(x)} {svg.num(y - 4)}l7 4l-7 4z"
        return svg.tag("path", title, d=path, paint=svg.BAD)
    if dot.kept is False or dot.after_lift:
        path = f"M{svg.num(x - 3.5)} {svg.num(y - 3.5)}l7 7m0-7l-7 7"
        return svg.tag("path", title, d=path, paint=svg.CROSS)
    return svg.tag("circle", title, cx=x, cy=y, r=4, paint=svg.DOT)
