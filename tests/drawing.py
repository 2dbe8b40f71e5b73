"""Timelines drawn as text instead of built: a test shows the evidence that it is about.

    draw("..........!Dxx.x.....|..")

One character is one round, 0.1 s unless said otherwise:

    .  good, answered after 10 ms       x  bad, refused after 1 ms
    ?  unknown: we were late            t  bad, timed out
    _  not in the samples at all        r  good, but outside the tolerance: bad after 10 ms

The other characters take no time; they are marks half a round before the next ask:

    !  a fault was ordered, and in effect       ~  ordered, but by an action that proves nothing
    o  ordered only; a later ! is its effect    ^  the held fault was lifted (and the watch ended)
    R  the same, but the system had replaced the instance
    L  the same, but because the lease ran out
    D  the healer "proxy" noticed               A  it acted
    B  the healer "engine" acted                U  "proxy" took the part back
    <  strength of "web" 2 of 3                 >  3 of 3
    (  the cluster is not heard: nobody knows how strong "web" is
    )  it is heard again, with 3 of 3
    K  the engine saw "web-1" die               |  the watch ended

Without ^ or | the watch ends with the drawing; a trailing "/" leaves it open, as a dead run does.
More rows are more probes, without marks.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chaoskit.model.timeline import (
    NS,
    SAMPLE_DTYPE,
    Mark,
    MarkKind,
    Outcome,
    Reason,
    Timeline,
    no_samples,
    sort_marks,
)

T0 = 1_000 * NS
PERIOD_S = 0.1
MS = NS // 1000

_ASKS = {
    ".": (Outcome.GOOD, Reason.NONE),
    "x": (Outcome.BAD, Reason.REFUSED),
    "t": (Outcome.BAD, Reason.TIMEOUT),
    "r": (Outcome.BAD, Reason.TOLERANCE),
    "?": (Outcome.UNKNOWN, Reason.LATE),
    "_": None,
}

_MARKS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "!": (
        {"kind": MarkKind.INJECTED, "source": "f1"},
        {"kind": MarkKind.IN_EFFECT, "source": "f1", "instance": "web-1"},
    ),
    "~": ({"kind": MarkKind.IN_EFFECT, "source": "action", "data": {"proven": False}},),
    "o": ({"kind": MarkKind.INJECTED, "source": "f1"},),
    "^": (
        {"kind": MarkKind.PHASE, "detail": "lift"},
        {"kind": MarkKind.LIFTED, "source": "f1"},
    ),
    "R": (
        {"kind": MarkKind.PHASE, "detail": "lift"},
        {"kind": MarkKind.LIFTED, "source": "f1", "data": {"replaced": True}},
    ),
    "L": (
        {"kind": MarkKind.PHASE, "detail": "lift"},
        {"kind": MarkKind.LIFTED, "source": "f1", "data": {"lapsed": True}},
    ),
    "D": ({"kind": MarkKind.DETECTED, "source": "proxy"},),
    "A": ({"kind": MarkKind.ACTED, "source": "proxy"},),
    "B": ({"kind": MarkKind.ACTED, "source": "engine"},),
    "U": ({"kind": MarkKind.RESTORED, "source": "proxy"},),
    "<": ({"kind": MarkKind.REDUNDANCY, "service": "web", "data": {"have": 2, "want": 3}},),
    ">": ({"kind": MarkKind.REDUNDANCY, "service": "web", "data": {"have": 3, "want": 3}},),
    "(": (
        {
            "kind": MarkKind.REDUNDANCY,
            "service": "web",
            "data": {"have": 0, "want": 3, "silent": True},  # whoever counts hears nothing
        },
        {"kind": MarkKind.NOTE, "source": "cluster", "data": {"deaf": "/pods"}},
    ),
    ")": (
        {"kind": MarkKind.REDUNDANCY, "service": "web", "data": {"have": 3, "want": 3}},
        {"kind": MarkKind.NOTE, "source": "cluster", "data": {"heard": "/pods"}},
    ),
    "K": (
        {
            "kind": MarkKind.ENGINE,
            "source": "engine",
            "service": "web",
            "instance": "web-1",
            "detail": "die",
        },
    ),
    "|": ({"kind": MarkKind.PHASE, "detail": "settle"},),
}


def draw(
    *rows: str,
    period_s: float = PERIOD_S,
    stable_s: float = 0.3,
    watch_s: float = 30.0,
    timeout_s: float = 0.3,
) -> Timeline:
    """The timeline that the rows show; see the module."""
    period_ns, timeout_ns = round(period_s * NS), round(timeout_s * NS)
    samples: list[tuple[Any, ...]] = []
    marks: list[Mark] = []
    for probe, row in enumerate(rows):
        k = 0
        for char in row.removesuffix("/"):
            due = T0 + k * period_ns
            if char in _ASKS:
                samples += _sample(char, due, k, probe, timeout_ns)
                k += 1
                continue
            marks += [Mark(at_ns=due - period_ns // 2, **one) for one in _MARKS[char]]
        if not probe and not row.endswith("/"):
            end_ns = T0 + k * period_ns - period_ns // 2
            marks.append(Mark(at_ns=end_ns, kind=MarkKind.PHASE, detail="end"))
    return Timeline(
        samples=np.array(samples, dtype=SAMPLE_DTYPE) if samples else no_samples(),
        marks=sort_marks(marks),
        probes=tuple(f"probe-{i}" for i in range(len(rows))),
        period_ns=period_ns,
        timeout_ns=timeout_ns,
        stable_ns=round(stable_s * NS),
        watch_ns=round(watch_s * NS),
        started_ns=T0,
    )


def end_of(timeline: Timeline) -> int:
    """Just after the last ask's answer: the `now` of a trial that is under way."""
    return int(timeline.samples["done"].max()) + MS


def _sample(char: str, due: int, k: int, probe: int, timeout_ns: int) -> list[tuple[Any, ...]]:
    ask = _ASKS[char]
    if ask is None:
        return []
    outcome, reason = ask
    takes = {"x": MS, "t": timeout_ns}.get(char, 10 * MS)
    sent = 0 if outcome is Outcome.UNKNOWN else due
    return [(due, sent, due + takes, k, 0, probe, 0, outcome, reason, 0)]
