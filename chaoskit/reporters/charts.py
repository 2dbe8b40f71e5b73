"""The drawing of one trial: lanes, availability and latency over one axis of time.

Server-made SVG, so that it reads without scripts, on paper, and where style sheets are blocked.
"""

from dataclasses import dataclass

from markupsafe import Markup

from chaoskit.model.measures import Unit
from chaoskit.reporters import svg
from chaoskit.reporters.figures import Figure
from chaoskit.reporters.lanes import draw_lanes, draw_latency
from chaoskit.reporters.scene import Instant, Scene

WIDTH = 980.0
LEFT = 132.0
RIGHT = 968.0
FROM_EFFECT = "time from the fault taking effect"
_LABEL_ROW = 17.0
_AXIS_HEIGHT = 38.0

_LINES = {
    "effect": svg.LINE_FAULT,
    "detected": svg.LINE_HEALER,
    "acted": svg.LINE_HEALER,
    "recovered": svg.LINE_GOOD,
    "strength": svg.LINE_GOOD,
    "lifted": svg.LINE_LIFT,
}


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a drawing is called, for whoever does not see it, and its id on the page."""

    id: str
    title: str
    description: str


def draw_trial(scene: Scene, words: Words) -> Markup:
    """The whole drawing of a trial."""
    x = svg.Scale(low=scene.start_s, high=scene.end_s, start=LEFT, end=RIGHT)
    labels, top = _instant_labels(scene.instants, x)
    lanes, bottom = draw_lanes(scene, x, top)
    latency, bottom = draw_latency(scene.drawn, x, bottom)
    height = bottom + _AXIS_HEIGHT
    drawn = [*lanes, *latency]
    layers = [
        _shades(scene, x, top, bottom),
        time_axis((scene.start_s, scene.end_s), x, (top, bottom), zero=_zero_words(scene)),
        *(one for one in drawn if not one.startswith("<text")),
        _instant_lines(scene.instants, x, bottom),
        *(one for one in drawn if one.startswith("<text")),
        labels,
    ]
    return frame(words, WIDTH, height, svg.group(layers), axis=x)


def draw_dots(figure: Figure, words: Words) -> Markup:
    """All trials of one measure as dots beside the budget's line; empty without a number."""
    if not figure.dots or figure.budget is None:
        return Markup("")
    width, height, pad = 240.0, 30.0, 8.0
    bound = figure.budget.bound
    high = max([bound, *(dot.value for dot in figure.dots)]) * 1.08 or 1.0
    low = 0.0
    if figure.unit is Unit.RATIO:
        least = min([bound, *(dot.value for dot in figure.dots)])
        low, high = least - (1 - least) * 0.15 - 1e-6, 1.0
    x = svg.Scale(low=low, high=high, start=pad, end=width - pad)
    middle = height / 2
    children = [
        svg.line(pad, middle, width - pad, middle, svg.AXIS),
        svg.rect(x(bound) - 1, 3, 2, height - 6, svg.TEXT),
        *(_dot(x(dot.value), middle, kept=dot.kept) for dot in figure.dots),
    ]
    return svg.tag(
        "svg",
        svg.compact(svg.group(children)),
        viewBox=f"0 0 {svg.num(width)} {svg.num(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=words.description,
    )


def bound_words(figure: Figure) -> str:
    """What the drawing of dots says, in words; the table of trials has the numbers."""
    missed = sum(dot.kept is False for dot in figure.dots)
    return f"{len(figure.dots)} trials beside the budget, {missed} missed"


def _dot(x: float, y: float, *, kept: bool | None) -> Markup:
    """Kept is round, missed is a cross, untold is hollow: never by colour alone."""
    if kept is False:
        return svg.tag(
            "path", d=f"M{svg.num(x - 4)} {svg.num(y - 4)}l8 8m0-8l-8 8", paint=svg.CROSS
        )
    return svg.tag("circle", cx=x, cy=y, r=4.0, paint=svg.DOT if kept else svg.HEALER_OPEN)


def frame(
    words: Words, width: float, height: float, inside: Markup, *, axis: svg.Scale | None = None
) -> Markup:
    """A drawing with its title and description; with an axis of time the script can zoom it."""
    zoom = (
        {"data_axis": " ".join(f"{v:.6g}" for v in (axis.low, axis.high, axis.start, axis.end))}
        if axis
        else {}
    )
    title, text = f"{words.id}-title", f"{words.id}-text"
    return svg.tag(
        "svg",
        svg.tag("title", words.title, id=title),
        svg.tag("desc", words.description, id=text),
        svg.compact(inside),
        viewBox=f"0 0 {svg.num(width)} {svg.num(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{title} {text}",
        font_family="system-ui, sans-serif",
        font_size="12",
        paint=None,
        **zoom,
    )


def _instant_labels(instants: tuple[Instant, ...], x: svg.Scale) -> tuple[Markup, float]:
    """The labels above the drawing, in as many rows as they need, and where the drawing begins."""
    spans = [(x(one.at_s), x(one.at_s) + svg.width_of(one.text) + 12) for one in instants]
    rows = svg.stack(spans)
    top = (max(rows, default=-1) + 1) * _LABEL_ROW + 8
    drawn = []
    for one, row in zip(instants, rows, strict=True):
        y = row * _LABEL_ROW + 13
        left = min(x(one.at_s) + 5, WIDTH - svg.width_of(one.text) - 2)
        drawn.append(svg.label(left, y, one.text, svg.HALO))
    return svg.group(drawn), top


def _instant_lines(instants: tuple[Instant, ...], x: svg.Scale, bottom: float) -> Markup:
    spans = [(x(one.at_s), x(one.at_s) + svg.width_of(one.text) + 12) for one in instants]
    rows = svg.stack(spans)
    return svg.group(
        svg.line(x(one.at_s), row * _LABEL_ROW + 3, x(one.at_s), bottom, _LINES[one.key])
        for one, row in zip(instants, rows, strict=True)
    )


def _shades(scene: Scene, x: svg.Scale, top: float, bottom: float) -> Markup:
    """A held fault is shaded while it was on; a struck one until the service was good again."""
    recovered_s = scene.at("recovered")
    shades = []
    for fault in scene.faults:
        paint, end_s = svg.SHADE_FAULT, fault.end_s
        if not fault.held:
            if recovered_s is None:
                continue
            paint, end_s = svg.SHADE_OUT, recovered_s
        left = x(fault.start_s)
        shades.append(svg.rect(left, top, x(end_s) - left, bottom - top, paint))
    return svg.group(dict.fromkeys(shades))


def _zero_words(scene: Scene) -> str:
    return FROM_EFFECT if scene.has_effect else "time from the first evidence"


def time_axis(
    span: tuple[float, float], x: svg.Scale, rows: tuple[float, float], zero: str = FROM_EFFECT
) -> Markup:
    """Upright grid lines from the top to the bottom, their times below, and what zero is."""
    top, bottom = rows
    ticks = svg.nice_ticks(*span, 9)
    drawn = [svg.line(x(at_s), top, x(at_s), bottom, svg.GRID) for at_s in ticks]
    drawn += [
        svg.label(x(at_s), bottom + 16, _tick_text(at_s), svg.MUTED, anchor="middle")
        for at_s in ticks
    ]
    said = svg.label(RIGHT, bottom + 33, zero, svg.MUTED, anchor="end")
    return svg.group([svg.tag("g", *drawn, class_="axis", data_rows=f"{top:g} {bottom:g}"), said])


def _tick_text(at_s: float) -> str:
    if abs(at_s) < 1e-9:
        return "0"
    text = f"{abs(at_s):g} s" if abs(at_s) < 600 else f"{abs(at_s) / 60:g} min"
    return f"−{text}" if at_s < 0 else text
