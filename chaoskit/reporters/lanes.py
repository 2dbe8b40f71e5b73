"""The rows of a trial's drawing: phases, faults, healers, containers, strength, asks, latency.

Each function draws downwards from a `top`. What it draws is a flat list, so that lines which go
through the whole drawing can be put over the shapes and under the words.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

from chaoskit.model.marks import MarkKind
from chaoskit.model.quantities import format_duration
from chaoskit.reporters import svg
from chaoskit.reporters.latency import Buckets, Floats
from chaoskit.reporters.scene import Event, Lane, Scene, Span, Strength, Strip

_ROW = 24.0
_GUTTER = 120.0  # the room for a lane's name
_STRIP = 16.0
_PLOT = 132.0
_TICK = 1.4  # the width of one failed ask
_LOG_FROM = 20.0  # a spread of latencies this wide is drawn on a logarithmic scale


def draw_lanes(scene: Scene, x: svg.Scale, top: float) -> tuple[list[Markup], float]:
    """All lanes above the latency plot, and where they ended."""
    drawn = _phases(scene.phases, x, top)
    y = top + _ROW
    if scene.faults:
        drawn += _faults(scene.faults, x, y)
        y += _ROW
    for lane in scene.healers:
        drawn += _healer(lane, x, y)
        y += _ROW
    if scene.containers.events:
        drawn += _containers(scene.containers, x, y)
        y += _ROW
    for strength in scene.strengths:
        drawn += _strength(strength, scene, x, y)
        y += _ROW + 4
    y += 4
    for strip in scene.strips:
        drawn += _strip(strip, x, y)
        y += _STRIP + 8
    return drawn, y


def draw_latency(buckets: Buckets, x: svg.Scale, top: float) -> tuple[list[Markup], float]:
    """Quantiles of the good answers' latencies over time, and where the plot ended."""
    seen = buckets.peak_s[~np.isnan(buckets.peak_s)]
    bottom = top + _PLOT
    if not len(seen):
        note = svg.label(x.start + 8, top + 20, "no good answer, so no latency", svg.MUTED)
        return [_name("latency", top + 14), note], top + 36
    low, high = max(float(np.nanmin(buckets.p50_s)), 1e-6), max(float(seen.max()), 1e-6)
    log = high / low > _LOG_FROM
    y = _latency_scale(low, high, top + 22, bottom, log=log)
    centres = buckets.start_s + (np.arange(len(buckets.p50_s)) + 0.5) * buckets.width_s
    xs = [x(float(at_s)) for at_s in centres]
    drawn = [
        _name("latency", top + 14),
        *_latency_grid(y, x, log=log),
        svg.tag("path", d=_band(xs, buckets.p50_s, buckets.p99_s, y), paint=svg.BAND),
        svg.tag("path", d=_peaks(xs, buckets.peak_s, y), paint=svg.PEAK),
        svg.tag("path", d=_curve(xs, buckets.p99_s, y), paint=svg.P99),
        svg.tag("path", d=_curve(xs, buckets.p50_s, y), paint=svg.P50),
        *_latency_key(x, top + 12, log=log),
    ]
    return drawn, bottom


def _name(text: str, y: float) -> Markup:
    """A lane's name in the left margin; whole in its tooltip when it does not fit."""
    short = svg.shorten(text, _GUTTER)
    words = [text] if short == text else [svg.tag("title", text), svg.tag("tspan", short)]
    return svg.tag("text", *words, x=4, y=y, paint=svg.MUTED)


def _phases(phases: Sequence[Span], x: svg.Scale, top: float) -> list[Markup]:
    drawn = [_name("phase", top + 14)]
    for number, phase in enumerate(phases):
        left, right = x(phase.start_s), x(phase.end_s)
        paint = svg.PHASE_ALT if number % 2 else svg.PHASE
        drawn.append(svg.rect(left, top + 1, right - left, _ROW - 6, paint))
        if right - left > svg.width_of(phase.text) + 10:
            drawn.append(svg.label(left + 6, top + 14, phase.text, svg.MUTED))
    return drawn


def _faults(faults: Sequence[Span], x: svg.Scale, top: float) -> list[Markup]:
    drawn = [_name("fault", top + 14)]
    free_from = x.start
    for fault in faults:
        left, right = x(fault.start_s), x(fault.end_s)
        if fault.held:
            drawn.append(svg.rect(left, top + 5, max(right - left, 3), 9, svg.FAULT))
        else:
            drawn.append(_shape("diamond", left, top + 9.5, svg.FAULT))
        wide = svg.width_of(fault.text)
        if free_from <= right + 10 <= x.end - wide:
            drawn.append(svg.label(right + 10, top + 14, fault.text, svg.HALO))
            free_from = right + wide + 16
        elif left - 10 - wide >= free_from:
            drawn.append(svg.label(left - 10, top + 14, fault.text, svg.HALO, anchor="end"))
            free_from = right
    return drawn


def _healer(lane: Lane, x: svg.Scale, top: float) -> list[Markup]:
    drawn = [_name(lane.name, top + 14)]
    for event, room in _with_room(lane.events, x):
        left = x(event.at_s)
        drawn.append(_healer_shape(event.kind, left, top + 9.5))
        if svg.width_of(event.text) + 18 <= room:
            drawn.append(svg.label(left + 9, top + 14, event.text, svg.HALO))
    return drawn


def _healer_shape(kind: MarkKind, x: float, y: float) -> Markup:
    """Detected is a ring, acted a diamond, restored a triangle."""
    if kind is MarkKind.DETECTED:
        return svg.tag("circle", cx=x, cy=y, r=4.5, paint=svg.HEALER_OPEN)
    return _shape("diamond" if kind is MarkKind.ACTED else "triangle", x, y, svg.HEALER)


def _shape(shape: str, x: float, y: float, paint: svg.Paint) -> Markup:
    if shape == "diamond":
        path = f"M{svg.num(x)} {svg.num(y - 6)}l6 6l-6 6l-6 -6z"
    else:
        path = f"M{svg.num(x)} {svg.num(y - 6)}l6 11h-12z"
    return svg.tag("path", d=path, paint=paint)


def _containers(lane: Lane, x: svg.Scale, top: float) -> list[Markup]:
    drawn = [_name(lane.name, top + 14)]
    for event, room in _with_room(lane.events, x):
        left = x(event.at_s)
        drawn.append(svg.rect(left - 1, top + 3, 2, 13, svg.ENGINE))
        if svg.width_of(event.text) + 8 <= room:
            drawn.append(svg.label(left + 5, top + 14, event.text, svg.HALO))
    return drawn


def _with_room(events: Iterable[Event], x: svg.Scale) -> list[tuple[Event, float]]:
    """Events, and the pixels until the next one: a label that does not fit is in the table."""
    kept = sorted(_unlike(events, x), key=lambda event: event.at_s)
    starts = [x(event.at_s) for event in kept]
    ends = [*starts[1:], x.end + 8]  # one too many when nothing is left to draw
    return [(event, end - start) for event, start, end in zip(kept, starts, ends, strict=False)]


def _unlike(events: Iterable[Event], x: svg.Scale) -> list[Event]:
    """Events within the drawing, without those that would be drawn over their like."""
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for event in events:
        spot = (svg.num(x(event.at_s)), event.kind.value, event.text)
        if x.low <= event.at_s <= x.high and spot not in seen:
            seen.add(spot)
            kept.append(event)
    return kept


def _strength(strength: Strength, scene: Scene, x: svg.Scale, top: float) -> list[Markup]:
    """A step for each change of how many instances there were, with the count beside it."""
    drawn = [_name(f"{strength.service} instances", top + 15)]
    height = _ROW - 4
    ends = [at_s for at_s, _ in strength.steps[1:]] + [scene.end_s]
    free_from, last = -math.inf, None
    for (at_s, have), until_s in zip(strength.steps, ends, strict=True):
        left, right = x(at_s), x(until_s)
        tall = height * min(have / strength.want, 1)
        drawn.append(svg.rect(left, top + height - tall, right - left, tall, svg.STRENGTH))
        drawn.append(svg.line(left, top + height - tall, right, top + height - tall, svg.AXIS))
        text = f"{have} of {strength.want}"
        if have != last and left + 4 >= free_from and left + svg.width_of(text) <= x.end:
            drawn.append(svg.label(left + 5, top + 15, text, svg.HALO))
            free_from = left + svg.width_of(text) + 10
        last = have
    drawn.append(svg.line(x.start, top + height, x.end, top + height, svg.GRID))
    return drawn


def _strip(strip: Strip, x: svg.Scale, top: float) -> list[Markup]:
    """Every failed ask at full height, every unknown one at half height."""
    left, right = x(strip.first_s), x(strip.last_s)
    unknown, bad = x.all(strip.unknown_s), x.all(strip.bad_s)
    drawn = [
        _name(strip.probe, top + 12),
        svg.rect(left, top, max(right - left, _TICK), _STRIP, svg.GOOD),
    ]
    if len(unknown):
        path = svg.ticks_path(unknown, top + _STRIP / 2, _STRIP / 2, _TICK)
        drawn.append(svg.tag("path", d=path, data_unknown=str(len(unknown)), paint=svg.UNSURE))
    if len(bad):
        path = svg.ticks_path(bad, top, _STRIP, _TICK)
        drawn.append(svg.tag("path", d=path, data_failed=str(len(bad)), paint=svg.BAD))
    return drawn


def _latency_scale(low: float, high: float, top: float, bottom: float, *, log: bool) -> svg.Scale:
    if log:
        return svg.Scale(low=low / 1.3, high=high * 1.3, start=bottom, end=top, log=True)
    return svg.Scale(low=0.0, high=high * 1.1, start=bottom, end=top)


def _latency_grid(y: svg.Scale, x: svg.Scale, *, log: bool) -> list[Markup]:
    ticks = svg.log_ticks(y.low, y.high) if log else svg.nice_ticks(0, y.high, 4)
    drawn = []
    for value in ticks:
        drawn.append(svg.line(x.start, y(value), x.end, y(value), svg.GRID))
        text = format_duration(value)
        drawn.append(svg.label(x.start - 8, y(value) + 4, text, svg.MUTED, anchor="end"))
    drawn.append(svg.line(x.start, y.start, x.end, y.start, svg.AXIS))
    return drawn


def _latency_key(x: svg.Scale, y: float, *, log: bool) -> list[Markup]:
    """What the lines mean, at the right above the plot."""
    left = x.end - (330 if log else 250)
    drawn = []
    if log:
        drawn.append(svg.label(left, y, "log scale", svg.MUTED))
        left += 80
    for text, paint in (("median", svg.P50), ("p99", svg.P99)):
        drawn.append(svg.line(left, y - 4, left + 22, y - 4, paint))
        drawn.append(svg.label(left + 28, y, text, svg.MUTED))
        left += 28 + svg.width_of(text) + 18
    drawn.append(svg.line(left, y - 4.5, left + 10, y - 4.5, svg.PEAK))
    drawn.append(svg.label(left + 16, y, "slowest", svg.MUTED))
    return [svg.tag("g", *drawn, class_="key")]


def _runs(values: Floats) -> list[range]:
    """Stretches without a gap."""
    known = [i for i, gap in enumerate(np.isnan(values)) if not gap]
    runs: list[range] = []
    for i in known:
        if runs and runs[-1].stop == i:
            runs[-1] = range(runs[-1].start, i + 1)
        else:
            runs.append(range(i, i + 1))
    return runs


def _curve(xs: Sequence[float], values: Floats, y: svg.Scale) -> str:
    """A line through the buckets; one that stands alone is a dash."""
    parts = []
    for run in _runs(values):
        points = [(xs[i], y(float(values[i]))) for i in run]
        parts.append(svg.polyline(points) + ("h2" if len(points) == 1 else ""))
    return "".join(parts)


def _band(xs: Sequence[float], low: Floats, high: Floats, y: svg.Scale) -> str:
    parts = []
    for run in _runs(low):
        there = [(xs[i], y(float(high[i]))) for i in run]
        back = [(xs[i], y(float(low[i]))) for i in reversed(run)]
        parts.append(svg.polyline(there + back) + "z")
    return "".join(parts)


def _peaks(xs: Sequence[float], values: Floats, y: svg.Scale) -> str:
    half = 1.75
    return "".join(
        f"M{svg.num(xs[i] - half)} {svg.num(y(float(values[i])))}h{half * 2}"
        for run in _runs(values)
        for i in run
    )
