"""The evidence of one trial: what was asked, what was answered, and what happened when.

All times are nanoseconds of CLOCK_MONOTONIC, which the agent and every container on a local engine
share with us. Samples are one flat numpy array so that a million of them are cheap to judge.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

NS = 1_000_000_000

SAMPLE_DTYPE = np.dtype(
    [
        ("due", "<i8"),  # intended time: t0 + k·T, whatever the harness was doing
        ("sent", "<i8"),  # when the ask really began; 0 when it never did
        ("done", "<i8"),  # when the answer, or the error, was complete
        ("k", "<u4"),  # which round
        ("detail", "<i4"),  # HTTP status, errno, or 0
        ("probe", "<u2"),  # index into Timeline.probes
        ("track", "u1"),  # 0: a fresh connection for every ask
        ("outcome", "u1"),  # Outcome
        ("reason", "<u2"),  # Reason
        ("reserved", "<u2"),
    ]
)

Samples = npt.NDArray[np.void]  # of SAMPLE_DTYPE


class Outcome(IntEnum):
    """What an ask said. UNKNOWN is about us, never about the target."""

    GOOD = 1
    BAD = 2
    UNKNOWN = 3


class Reason(IntEnum):
    """Why an ask was not good."""

    NONE = 0
    REFUSED = 1
    RESET = 2
    TIMEOUT = 3
    CLOSED = 4  # the connection ended before a whole answer
    TOLERANCE = 5  # an answer came, outside the tolerance
    UNRESOLVED = 6  # the name did not resolve
    PROTOCOL = 7  # what came was not the protocol
    LATE = 8  # we began too late
    NO_SLOT = 9  # we had too many asks in flight
    RAISED = 10  # a python or process probe failed
    OTHER = 11


class MarkKind(StrEnum):
    """What can happen in a trial."""

    PHASE = "phase"  # detail: baseline, inject, watch, lift, settle, end
    INJECTED = "injected"  # the fault was ordered
    IN_EFFECT = "in_effect"  # the fault was proven in effect
    DETECTED = "detected"  # a healer noticed
    ACTED = "acted"  # a healer acted
    RESTORED = "restored"  # a healer took the repaired part back
    LIFTED = "lifted"  # the fault was proven gone
    REDUNDANCY = "redundancy"  # data: have, want
    ENGINE = "engine"  # a container event; detail: die, start, oom, ...
    ACTIVITY = "activity"  # a Chaos Toolkit activity began or ended
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened, with its time."""

    at_ns: int
    kind: MarkKind
    source: str = ""  # who says so: a fault's id, a healer's name, "engine"
    service: str = ""
    instance: str = ""
    detail: str = ""
    resolution_ns: int = 0  # it happened at most this long before at_ns
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """All samples and marks of one trial, and what a measure must know to read them."""

    samples: Samples
    marks: tuple[Mark, ...]
    probes: tuple[str, ...]
    period_ns: int
    timeout_ns: int
    stable_ns: int
    watch_ns: int
    started_ns: int

    def of(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        """The marks of these kinds, in order of time."""
        return tuple(mark for mark in self.marks if mark.kind in kinds)

    def first(self, kind: MarkKind) -> Mark | None:
        """The earliest mark of this kind."""
        return next(iter(self.of(kind)), None)

    @property
    def in_effect_ns(self) -> int | None:
        """When the first fault of the trial was proven in effect: the zero of every measure."""
        mark = self.first(MarkKind.IN_EFFECT)
        return mark.at_ns if mark else None

    @property
    def lifted_ns(self) -> int | None:
        """When the last held fault was proven gone; None when nothing was held or lifted."""
        lifted = self.of(MarkKind.LIFTED)
        return lifted[-1].at_ns if lifted else None

    @property
    def watch_end_ns(self) -> int | None:
        """When watching ended: the lift phase's beginning, or the end of the trial."""
        phases = self.of(MarkKind.PHASE)
        ends = [mark.at_ns for mark in phases if mark.detail in {"lift", "settle", "end"}]
        return min(ends, default=None)


def sort_marks(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks in order of time; several observers write them, each in its own order."""
    return tuple(sorted(marks, key=lambda mark: mark.at_ns))


def no_samples() -> Samples:
    """An empty sample array."""
    return np.empty(0, dtype=SAMPLE_DTYPE)
