"""The drawing of one trial: lanes, availability and latency over one axis of time.

Server-made SVG, so that it reads without scripts, on paper, and where style sheets are blocked.
"""

from dataclasses import dataclass

from markupsafe import Markup

from chaoskit.model.measures import Unit
from chaoskit.model.quantities import format_duration
from chaoskit.reporters import svg
from chaoskit.reporters.figures import Figure, sense_of
from chaoskit.reporters.lanes import draw_lanes, draw_latency
from chaoskit.reporters.scene import Instant, Scene

WIDTH = 980.0
LEFT = 132.0
RIGHT = 968.0
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
        _time_grid(scene, x, top, bottom),
        *(one for one in drawn if not one.startswith("<text")),
        _instant_lines(scene.instants, x, bottom),
        *(one for one in drawn if one.startswith("<text")),
        labels,
    ]
    return frame(words, WIDTH, height, svg.group(layers))


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
    return frame(words, width, height, svg.group(children))


def bound_words(figure: Figure) -> str:
    """What the drawing of dots says, in words."""
    values = ", ".join(
        f"trial {dot.trial} {'over ' if dot.censored else ''}{_value(dot.value, figure.unit)}"
        for dot in figure.dots
    )
    side = "right" if sense_of(figure.measure).value == "at_least" else "left"
    return f"Each dot is a trial, the upright line is the budget; to its {side} is kept. {values}"


def _value(value: float, unit: Unit) -> str:
    return format_duration(value) if unit is Unit.SECONDS else f"{value:.4g}"


def _dot(x: float, y: float, *, kept: bool | None) -> Markup:
    """Kept is round, missed is a cross, untold is hollow: never by colour alone."""
    if kept is False:
        return svg.tag(
            "path", d=f"M{svg.num(x - 4)} {svg.num(y - 4)}l8 8m0-8l-8 8", paint=svg.CROSS
        )
    return svg.tag("circle", cx=x, cy=y, r=4.0, paint=svg.DOT if kept else svg.HEALER_OPEN)


def frame(words: Words, width: float, height: float, inside: Markup) -> Markup:
    """A drawing with its title and description."""
    title, text = f"{words.id}-title", f"{words.id}-text"
    return svg.tag(
        "svg",
        svg.tag("title", words.title, id=title),
        svg.tag("desc", words.description, id=text),
        inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {svg.num(width)} {svg.num(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{title} {text}",
        font_family="system-ui, sans-serif",
        font_size="12",
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


def _time_grid(scene: Scene, x: svg.Scale, top: float, bottom: float) -> Markup:
    drawn = []
    for at_s in svg.nice_ticks(scene.start_s, scene.end_s, 9):
        drawn.append(svg.line(x(at_s), top, x(at_s), bottom, svg.GRID))
        drawn.append(svg.label(x(at_s), bottom + 16, _tick_text(at_s), svg.MUTED, anchor="middle"))
    zero = "the fault taking effect" if scene.has_effect else "the first evidence"
    drawn.append(svg.label(RIGHT, bottom + 33, f"time from {zero}", svg.MUTED, anchor="end"))
    return svg.group(drawn)


def _tick_text(at_s: float) -> str:
    if abs(at_s) < 1e-9:
        return "0"
    text = f"{abs(at_s):g} s" if abs(at_s) < 600 else f"{abs(at_s) / 60:g} min"
    return f"−{text}" if at_s < 0 else text
