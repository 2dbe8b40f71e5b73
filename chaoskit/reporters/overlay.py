"""All trials of an experiment over one axis: the share of good answers, and every failed ask.

One trial is an anecdote; laid over each other they show what is usual and what is luck. The curves
are drawn from narrow stretches of time. The failed asks below them are all there, one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from chaoskit.model.journal import TrialRecord
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import NS, MarkKind, Outcome, Timeline
from chaoskit.reporters import svg
from chaoskit.reporters.charts import LEFT, RIGHT, WIDTH, Words, frame, time_axis
from chaoskit.reporters.window import window_of, zero_of

_PLOT = 110.0
_ROW = 15.0
_STRETCHES = 240
_FEWEST = 4  # asks in a stretch
_TICK = 1.4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One trial; times are seconds from its fault taking effect."""

    trial: int
    kept: bool | None
    start_s: float
    end_s: float
    due_s: Floats
    outcome: npt.NDArray[np.uint8]
    detected_s: float | None
    acted_s: float | None
    recovered_s: float | None
    lifted_s: float | None


def curve_of(timeline: Timeline, trial: TrialRecord, *, kept: bool | None) -> Curve | None:
    """What is drawn of a trial; None when no fault took effect, so that it has no zero."""
    if timeline.in_effect_ns is None or not len(timeline.samples):
        return None
    zero_ns = zero_of(timeline)
    window = window_of(timeline, zero_ns)
    recovery = trial.judgement.measured("recovery") if trial.judgement else None
    return Curve(
        trial=trial.index,
        kept=kept,
        start_s=window.start_s,
        end_s=window.end_s,
        due_s=(timeline.samples["due"] - zero_ns) / NS,
        outcome=timeline.samples["outcome"],
        detected_s=_first(timeline, MarkKind.DETECTED, zero_ns),
        acted_s=_first(timeline, MarkKind.ACTED, zero_ns),
        recovered_s=recovery.middle if recovery and recovery.low else None,
        lifted_s=None if timeline.lifted_ns is None else (timeline.lifted_ns - zero_ns) / NS,
    )


def draw_overlay(curves: Sequence[Curve], budget_s: float | None, words: Words) -> Markup:
    """The drawing of all trials; empty when there is nothing to lay over each other."""
    if not curves:
        return Markup("")
    x = svg.Scale(
        low=min(one.start_s for one in curves),
        high=max(one.end_s for one in curves),
        start=LEFT,
        end=RIGHT,
    )
    y = svg.Scale(low=0.0, high=1.0, start=_PLOT + 20, end=20.0)
    rows_top = _PLOT + 34
    bottom = rows_top + _ROW * len(curves)
    rows = [_row(one, x, rows_top + _ROW * i) for i, one in enumerate(curves)]
    drawn = [
        _budget(budget_s, x, bottom),
        svg.line(x(0.0), 4, x(0.0), bottom, svg.LINE_FAULT),
        svg.label(x(0.0) + 5, 14, "fault in effect", svg.HALO),
        *_shares(y),
        *(_share_line(one, x, y) for one in curves),
        *(svg.group(layer) for layer in zip(*rows, strict=True)),
    ]
    axis = time_axis((x.low, x.high), x, (20.0, bottom))
    return frame(words, WIDTH, bottom + 38, svg.group([axis, *drawn]), axis=x)


def describe_overlay(curves: Sequence[Curve]) -> str:
    """The same in words."""
    bad = sum(int(np.count_nonzero(one.outcome == Outcome.BAD)) for one in curves)
    asked = sum(len(one.outcome) for one in curves)
    said = f"{bad:,} of {asked:,} asks failed in {len(curves)} trials laid over each other."
    times = [one.recovered_s for one in curves if one.recovered_s is not None]
    if times:
        least, most = format_duration(min(times)), format_duration(max(times))
        said += f" Service was good again after {least}"
        said += f" to {most}." if least != most else "."
    return said


def _first(timeline: Timeline, kind: MarkKind, zero_ns: int) -> float | None:
    times = ((mark.at_ns - zero_ns) / NS for mark in timeline.of(kind))
    return next((at_s for at_s in times if at_s >= 0), None)


def _budget(budget_s: float | None, x: svg.Scale, bottom: float) -> Markup:
    if budget_s is None or budget_s > x.high:
        return Markup("")
    text = f"budget {format_duration(budget_s)}"
    at = x(budget_s)
    left = at + 5 if at + 5 + svg.width_of(text) < x.end else at - 5 - svg.width_of(text)
    return svg.group(
        [svg.line(at, 4, at, bottom, svg.LINE_BUDGET), svg.label(left, 14, text, svg.HALO)]
    )


def _shares(y: svg.Scale) -> list[Markup]:
    shares = (0.0, 0.5, 1.0)
    drawn = [svg.line(LEFT, y(share), RIGHT, y(share), svg.GRID) for share in shares]
    drawn.append(svg.label(4, y(1.0) + 4, "good", svg.MUTED))
    for share in shares:
        text = f"{100 * share:.0f} %"
        drawn.append(svg.label(LEFT - 8, y(share) + 4, text, svg.MUTED, anchor="end"))
    return drawn


def _share_line(curve: Curve, x: svg.Scale, y: svg.Scale) -> Markup:
    """A step for each change; a stretch without a known answer is a gap."""
    known = curve.outcome != Outcome.UNKNOWN
    within = known & (curve.due_s >= x.low) & (curve.due_s <= x.high)
    due_s, good = curve.due_s[within], curve.outcome[within] == Outcome.GOOD
    width_s = (x.high - x.low) / float(np.clip(len(due_s) // _FEWEST, 1, _STRETCHES))
    # Edges are multiples of the width, so that no stretch is both before and after the fault.
    first = int(np.floor(x.low / width_s))
    place = np.floor(due_s / width_s).astype(np.int64) - first
    count = int(place.max(initial=0)) + 1
    asked = np.bincount(place, minlength=count)
    kept = np.bincount(place[good], minlength=count)
    parts, before = [], -1.0
    for i in np.flatnonzero(asked).tolist():
        share = float(kept[i] / asked[i])
        if before < 0 or not asked[i - 1]:
            parts.append(f"M{svg.num(x((first + i) * width_s))} {svg.num(y(share))}")
        elif share != before:
            parts.append(f"H{svg.num(x((first + i) * width_s))}V{svg.num(y(share))}")
        before = share
        if i + 1 == count or not asked[i + 1]:
            parts.append(f"H{svg.num(x((first + i + 1) * width_s))}")
    paint = svg.CURVE if curve.kept is not False else svg.CURVE_MISSED
    return svg.tag("path", d="".join(parts), paint=paint)


def _row(curve: Curve, x: svg.Scale, top: float) -> tuple[Markup, ...]:
    """The trial's failed asks, every one; a ring where it was noticed, a diamond where acted.

    In layers, so that what is painted alike in all rows can be drawn together.
    """
    height = _ROW - 5
    middle = top + height / 2
    left, right = x(float(curve.due_s[0])), x(float(curve.due_s[-1]))
    nothing = Markup("")
    detected, acted, good = (
        None if at_s is None or at_s > x.high else x(at_s)
        for at_s in (curve.detected_s, curve.acted_s, curve.recovered_s)
    )
    return (
        svg.label(4, top + 9, f"trial {curve.trial}", svg.MUTED),
        svg.rect(left, top, max(right - left, _TICK), height, svg.GOOD),
        _asks(curve, Outcome.UNKNOWN, x, (top + height / 2, height / 2)),
        _asks(curve, Outcome.BAD, x, (top, height)),
        nothing if good is None else svg.line(good, top - 2, good, top + height + 2, svg.LINE_GOOD),
        nothing
        if detected is None
        else svg.tag("circle", cx=detected, cy=middle, r=3.5, paint=svg.HEALER_OPEN),
        nothing if acted is None else svg.diamond(acted, middle, 4, svg.HEALER),
    )


def _asks(curve: Curve, outcome: Outcome, x: svg.Scale, place: tuple[float, float]) -> Markup:
    found = curve.due_s[curve.outcome == outcome]
    if not len(found):
        return Markup("")
    path = svg.ticks_path(x.all(np.sort(found)), *place, _TICK)
    if outcome is Outcome.BAD:
        return svg.tag("path", d=path, data_failed=str(len(found)), paint=svg.BAD)
    return svg.tag("path", d=path, data_unknown=str(len(found)), paint=svg.UNSURE)
