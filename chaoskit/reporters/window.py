"""Which part of a trial is drawn: what went wrong and how it was put right, not the waiting.

A long baseline before the fault, or a long settling after it, would squeeze the second that matters.
Nothing that was not good is ever cut off.
"""

from dataclasses import dataclass

from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.timeline import Outcome, Timeline

HEALER_KINDS = (MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED)
_TAIL = 0.12  # this share of the trial is shown of the settling after the watch
_LEAD = 0.25  # and this share of what follows the fault is shown of the baseline before it
_SHORTEST_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Window:
    """The drawn part, and all there is, in seconds from the fault."""

    start_s: float
    end_s: float
    first_s: float
    last_s: float


def zero_of(timeline: Timeline) -> int:
    """The effect; without one the order to inject, or the beginning."""
    if timeline.in_effect_ns is not None:
        return timeline.in_effect_ns
    ordered = timeline.first(MarkKind.INJECTED)
    return ordered.at_ns if ordered else _first_ns(timeline)


def window_of(timeline: Timeline, zero_ns: int) -> Window:
    """The window of a trial with any evidence at all."""
    first_s = (_first_ns(timeline) - zero_ns) / NS
    last_s = max((_last_ns(timeline) - zero_ns) / NS, first_s)
    wrong = timeline.samples["due"][timeline.samples["outcome"] != Outcome.GOOD]
    wrong_s = (
        ((int(wrong[0]) - zero_ns) / NS, (int(wrong[-1]) - zero_ns) / NS) if len(wrong) else ()
    )
    end_s = max(min(last_s, _end_s(timeline, zero_ns, wrong_s)), first_s + _SHORTEST_S)
    start_s = first_s
    if timeline.in_effect_ns is not None:
        start_s = max(first_s, min(-_LEAD * end_s, -0.5, *(at_s - 0.1 for at_s in wrong_s)))
    return Window(start_s=start_s, end_s=end_s, first_s=first_s, last_s=last_s)


def _end_s(timeline: Timeline, zero_ns: int, wrong_s: tuple[float, ...]) -> float:
    """A little after the watch, or after the last thing that went wrong or was put right."""
    if timeline.watch_end_ns is None:
        return float("inf")
    tail_ns = _TAIL * (timeline.watch_end_ns - _first_ns(timeline))
    put_right = timeline.of(MarkKind.LIFTED, *HEALER_KINDS)
    moments_ns = [timeline.watch_end_ns + tail_ns, *(mark.at_ns for mark in put_right)]
    return max([*((at_ns - zero_ns) / NS for at_ns in moments_ns), *wrong_s])


def _first_ns(timeline: Timeline) -> int:
    known = [int(timeline.samples["due"][0])] if len(timeline.samples) else []
    known += [timeline.marks[0].at_ns] if timeline.marks else []
    return min(known, default=timeline.started_ns)


def _last_ns(timeline: Timeline) -> int:
    known = [int(timeline.samples["due"][-1])] if len(timeline.samples) else []
    known += [timeline.marks[-1].at_ns] if timeline.marks else []
    return max(known, default=timeline.started_ns)
