"""What a trial's drawing shows, in seconds from the fault: facts only, no pixels.

Zero is the instant at which the fault was proven in effect, as in every measure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chaoskit.model.journal import TrialRecord
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import NS, Mark, MarkKind, Outcome, Timeline
from chaoskit.reporters.latency import Buckets, drawn_buckets, listed_buckets
from chaoskit.reporters.text import one_line
from chaoskit.reporters.window import HEALER_KINDS, window_of, zero_of


@dataclass(frozen=True, kw_only=True)
class Span:
    """Something that lasted; `held` is false for a fault that was over as it struck."""

    text: str
    start_s: float
    end_s: float
    held: bool = True


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A moment that gets a line through the whole drawing."""

    key: str  # effect, detected, acted, recovered, strength, lifted
    text: str
    at_s: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """A moment on a lane."""

    kind: MarkKind
    text: str
    at_s: float


@dataclass(frozen=True, kw_only=True)
class Lane:
    """What one healer did, or what happened to containers."""

    name: str
    events: tuple[Event, ...]


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How many instances of a service there were."""

    service: str
    want: int
    steps: tuple[tuple[float, int], ...]  # at_s, have


@dataclass(frozen=True, kw_only=True)
class Strip:
    """All asks of one probe. Every failure is here; nothing is sampled away."""

    probe: str
    asked: int
    first_s: float
    last_s: float
    bad_s: npt.NDArray[np.float64]
    unknown_s: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A trial as it is drawn."""

    start_s: float
    end_s: float
    has_effect: bool
    phases: tuple[Span, ...]
    faults: tuple[Span, ...]
    instants: tuple[Instant, ...]
    healers: tuple[Lane, ...]
    containers: Lane
    strengths: tuple[Strength, ...]
    strips: tuple[Strip, ...]
    drawn: Buckets
    listed: Buckets

    def at(self, key: str) -> float | None:
        """When an instant was, if it was."""
        return next((one.at_s for one in self.instants if one.key == key), None)


def scene_of(timeline: Timeline, trial: TrialRecord) -> Scene | None:
    """The drawing's facts; None when there is no evidence at all."""
    if not len(timeline.samples) and not timeline.marks:
        return None
    zero_ns = zero_of(timeline)
    window = window_of(timeline, zero_ns)
    start_s, end_s = window.start_s, window.end_s
    faults = _faults(timeline, zero_ns, end_s)
    fresh = timeline.samples[timeline.samples["track"] == 0]
    return Scene(
        start_s=start_s,
        end_s=end_s,
        has_effect=timeline.in_effect_ns is not None,
        phases=_phases(timeline, zero_ns, end_s),
        faults=faults,
        instants=_instants(timeline, trial, faults, zero_ns),
        healers=_healers(timeline, zero_ns),
        containers=_containers(timeline, zero_ns),
        strengths=_strengths(timeline, zero_ns),
        strips=_strips(timeline, zero_ns),
        drawn=drawn_buckets(fresh, zero_ns, (start_s, end_s)),
        listed=listed_buckets(fresh, zero_ns, (window.first_s, window.last_s)),
    )


def _phases(timeline: Timeline, zero_ns: int, end_s: float) -> tuple[Span, ...]:
    marks = timeline.of(MarkKind.PHASE)
    ends = [(mark.at_ns - zero_ns) / NS for mark in marks[1:]] + [end_s] * bool(marks)
    spans = [
        Span(text=mark.detail, start_s=(mark.at_ns - zero_ns) / NS, end_s=min(until, end_s))
        for mark, until in zip(marks, ends, strict=True)
        if mark.detail != "end"
    ]
    return tuple(one for one in spans if one.start_s < end_s)


def _faults(timeline: Timeline, zero_ns: int, end_s: float) -> tuple[Span, ...]:
    lifted = {
        (mark.source, mark.instance): mark
        for mark in timeline.of(MarkKind.LIFTED)
        if mark.data.get("nature") != "struck"
    }
    spans = []
    for mark in timeline.of(MarkKind.IN_EFFECT):
        end = lifted.get((mark.source, mark.instance)) or lifted.get((mark.source, ""))
        held = end is not None or mark.data.get("nature") == "held"
        start_s = (mark.at_ns - zero_ns) / NS
        until_s = (end.at_ns - zero_ns) / NS if end else end_s if held else start_s
        name = mark.data.get("fault") or mark.source
        text = one_line(f"{name} {mark.instance or mark.service}", limit=80)
        spans.append(Span(text=text, start_s=start_s, end_s=until_s, held=held))
    return tuple(spans)


def _instants(
    timeline: Timeline, trial: TrialRecord, faults: tuple[Span, ...], zero_ns: int
) -> tuple[Instant, ...]:
    found = []
    if timeline.in_effect_ns is not None:
        found.append(Instant(key="effect", text="fault in effect", at_s=0.0))
    found += _first_words(timeline, zero_ns)
    for key, measure, word in (
        ("recovered", "recovery", "recovered"),
        ("strength", "redundancy", "full strength"),
    ):
        measured = trial.judgement.measured(measure) if trial.judgement else None
        if measured is None or measured.middle is None or not measured.low:
            continue  # nothing was ever lost, so nothing came back
        at_s = measured.middle
        found.append(Instant(key=key, text=f"{word} {format_duration(at_s)}", at_s=at_s))
    ends = [one.end_s for one in faults if one.held]
    if ends and timeline.lifted_ns is not None:
        at_s = max(ends)
        found.append(Instant(key="lifted", text=f"lifted {format_duration(at_s)}", at_s=at_s))
    return tuple(sorted(found, key=lambda one: one.at_s))


def _first_words(timeline: Timeline, zero_ns: int) -> list[Instant]:
    """When a healer first noticed and first acted; one instant when one line of a log says both."""
    first = {
        key: next((one.at_ns for one in timeline.of(kind) if one.at_ns >= zero_ns), None)
        for key, kind in (("detected", MarkKind.DETECTED), ("acted", MarkKind.ACTED))
    }
    if first["detected"] is not None and first["detected"] == first["acted"]:
        first = {"detected": first["detected"]}
        words = {"detected": "detected and acted"}
    else:
        words = {"detected": "detected", "acted": "acted"}
    return [
        Instant(
            key=key,
            text=f"{words[key]} {format_duration((at_ns - zero_ns) / NS)}",
            at_s=(at_ns - zero_ns) / NS,
        )
        for key, at_ns in first.items()
        if at_ns is not None
    ]


def _healers(timeline: Timeline, zero_ns: int) -> tuple[Lane, ...]:
    marks = timeline.of(*HEALER_KINDS)
    names = dict.fromkeys(mark.source for mark in marks)
    return tuple(
        Lane(name=name, events=_events((m for m in marks if m.source == name), zero_ns))
        for name in names
    )


def _containers(timeline: Timeline, zero_ns: int) -> Lane:
    return Lane(name="containers", events=_events(timeline.of(MarkKind.ENGINE), zero_ns))


def _events(marks: Iterable[Mark], zero_ns: int) -> tuple[Event, ...]:
    return tuple(
        Event(kind=mark.kind, text=_event_text(mark), at_s=(mark.at_ns - zero_ns) / NS)
        for mark in marks
    )


def _event_text(mark: Mark) -> str:
    if mark.kind is MarkKind.ENGINE:
        return one_line(f"{mark.instance or mark.service} {mark.detail}".strip(), limit=40)
    return mark.kind.value.replace("_", " ")


def _strengths(timeline: Timeline, zero_ns: int) -> tuple[Strength, ...]:
    """Steps by service. What is not a count, in a file that was edited, is not drawn."""
    steps: dict[str, list[tuple[float, int]]] = {}
    wanted: dict[str, int] = {}
    for mark in timeline.of(MarkKind.REDUNDANCY):
        have, want = mark.data.get("have"), mark.data.get("want")
        if isinstance(have, int) and isinstance(want, int) and want > 0:
            steps.setdefault(mark.service, []).append(((mark.at_ns - zero_ns) / NS, have))
            wanted[mark.service] = want
    return tuple(
        Strength(service=service, want=wanted[service], steps=tuple(found))
        for service, found in steps.items()
    )


def _strips(timeline: Timeline, zero_ns: int) -> tuple[Strip, ...]:
    """A strip for each probe, and one more for its asks over kept connections."""
    strips = []
    tracks = [(i, name, track) for i, name in enumerate(timeline.probes) for track in (0, 1)]
    for index, name, track in tracks:
        samples = timeline.samples
        mine = samples[(samples["probe"] == index) & (samples["track"] == track)]
        probe = f"{name}, kept" if track else name
        if not len(mine):
            continue
        at_s = (mine["due"] - zero_ns) / NS
        strips.append(
            Strip(
                probe=probe,
                asked=len(mine),
                first_s=float(at_s[0]),
                last_s=float(at_s[-1]),
                bad_s=at_s[mine["outcome"] == Outcome.BAD],
                unknown_s=at_s[mine["outcome"] == Outcome.UNKNOWN],
            )
        )
    return tuple(strips)
