"""The evidence of one trial: what was asked, what was answered, and what happened when.

All times are nanoseconds of CLOCK_MONOTONIC, which the agent and every container on a local engine
share with us; those of a prober on another machine were moved to ours, with an error that is told. Samples are one flat numpy array so that a million of them are cheap to judge.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chaoskit.model.ledger import LedgerLog
from chaoskit.model.marks import NS, Mark, MarkKind, sort_marks
from chaoskit.model.outcomes import Outcome, Reason

__all__ = [
    "NS",
    "SAMPLE_DTYPE",
    "Mark",
    "MarkKind",
    "Outcome",
    "Reason",
    "Samples",
    "Timeline",
    "no_samples",
    "sort_marks",
]

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
    clock_error_ns: int = 0  # samples may be so far from the marks: their prober has another clock
    ledger: LedgerLog | None = None  # what was written and read back, when anything was

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
    def harm_due_ns(self) -> int | None:
        """When a fault that grows was due to do harm, the last of them; None without any."""
        due = (one.data.get("harm_due_ns") for one in self.of(MarkKind.IN_EFFECT))
        return max((int(one) for one in due if one is not None), default=None)

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


def no_samples() -> Samples:
    """An empty sample array."""
    return np.empty(0, dtype=SAMPLE_DTYPE)
