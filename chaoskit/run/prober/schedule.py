"""When each probe is asked: absolute instants that slip for nobody.

Ask k of a probe is due at `first + k·T`. An ask that begins late or finds no slot, still has its
record: leaving it out is how an observer overlooks the very outage that delayed it.
"""

from collections import deque
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chaoskit.run.prober.ask import Ask

NS = 1_000_000_000
_SLACK = 4  # asks in flight beyond those that a timeout can hold up
_MAX_WORKERS = 12
_DUTY = 0.5  # a pooled probe keeps at most this share of one worker busy while all is well


class Turn(NamedTuple):
    """One ask that is due."""

    k: int
    due_ns: int
    late: bool
    slot: bool  # whether there is room for another ask in flight


class Lane:
    """The timetable of one probe, and its asks in flight."""

    __slots__ = (
        "_half_period_ns",
        "cap",
        "due_ns",
        "in_flight",
        "k",
        "period_ns",
        "probe",
        "stop_at",
        "timeout_ns",
        "track",
        "waiting",
    )

    def __init__(
        self, *, probe: int, period_ns: int, timeout_ns: int, cap: int, track: int = 0
    ) -> None:
        self.probe = probe
        self.track = track  # 0: fresh connections, 1: kept ones
        self.due_ns = 0
        self.period_ns = period_ns
        self.timeout_ns = timeout_ns
        self.cap = cap
        self.k = 0  # the next round
        self.stop_at: int | None = None  # rounds to ask in all, once that is known
        self.in_flight = 0
        self.waiting: deque[Ask] = deque()  # in order of their deadlines
        self._half_period_ns = period_ns // 2

    def start(self, first_ns: int) -> None:
        """Ask for the first time at this instant."""
        self.due_ns = first_ns

    @property
    def finished(self) -> bool:
        """Whether no more turns come."""
        return self.stop_at is not None and self.k >= self.stop_at

    def take_turn(self, now_ns: int) -> Turn:
        """The ask that is due, which is thereby taken."""
        due_ns = self.due_ns
        turn = Turn(
            self.k, due_ns, now_ns - due_ns > self._half_period_ns, self.in_flight < self.cap
        )
        self.k += 1
        self.due_ns = due_ns + self.period_ns
        return turn

    def next_deadline_ns(self) -> int | None:
        """When the oldest ask in flight is out of time."""
        waiting = self.waiting
        while waiting and waiting[0].over:
            waiting.popleft()
        return waiting[0].deadline_ns if waiting else None


def slots(timeout_s: float, rate_hz: float) -> int:
    """How many asks may be in flight: as many as time out at once when nobody answers, and a few."""
    return ceil(timeout_s * rate_hz) + _SLACK


def keepable_rate(*, wanted_hz: float, took_s: float, timeout_s: float, sharing: int) -> float:
    """The rate at which a pooled probe can be asked open loop, even while every ask times out.

    `took_s`: a call while all is well. `sharing`: how many probes share the pool.
    """
    workers = max_workers(sharing)
    calm = _DUTY / (max(took_s, 1e-4) * sharing)
    worst = max(workers - 1, 0.5) / timeout_s
    return min(wanted_hz, calm, worst)


def max_workers(sharing: int) -> int:
    """The most workers that one of so many pooled probes may have."""
    return max(1, _MAX_WORKERS // sharing)


def workers_for(*, rate_hz: float, timeout_s: float, sharing: int) -> int:
    """How many workers keep this rate while every ask times out."""
    return max(1, min(max_workers(sharing), ceil(timeout_s * rate_hz) + 1))
