"""The one door to time. Everything measured is CLOCK_MONOTONIC; the wall clock only labels.

Containers and the agent on a local engine read the same kernel clock, so their times compare with
ours exactly; a log's wall-clock stamp is placed by the anchor that was taken last.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from chaoskit.model.journal import Anchor
from chaoskit.model.timeline import NS


def now_ns() -> int:
    """Nanoseconds of CLOCK_MONOTONIC."""
    return time.monotonic_ns()


def anchor() -> Anchor:
    """This instant on both clocks, taken so that the two readings are as close as they can be."""
    readings = []
    for _ in range(5):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        readings.append((after - before, wall, (before + after) // 2))
    _, wall_ns, mono_ns = min(readings)
    label = datetime.fromtimestamp(wall_ns / NS, UTC).isoformat(timespec="milliseconds")
    return Anchor(wall=label, wall_ns=wall_ns, mono_ns=mono_ns)


def wall_now() -> str:
    """The wall clock, ISO 8601 in UTC: for labels only."""
    return anchor().wall


def pause(seconds: float) -> None:
    """Wait. Only loops that look at something else each time may call it."""
    if seconds > 0:
        time.sleep(seconds)


def wait_until(condition: Callable[[], bool], *, timeout_s: float, every_s: float = 0.02) -> bool:
    """Ask until the condition holds or the time is up; whether it held."""
    deadline = now_ns() + round(timeout_s * NS)
    while not condition():
        if now_ns() >= deadline:
            return False
        pause(every_s)
    return True


class WallClock:
    """Places wall-clock stamps on the monotonic axis; anchored anew at every trial."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._anchor = anchor()

    @property
    def anchor(self) -> Anchor:
        """The newest anchor."""
        return self._anchor

    def renew(self) -> int:
        """Take a new anchor; returns by how many ns the wall clock was stepped since the last."""
        fresh = anchor()
        with self._lock:
            old, self._anchor = self._anchor, fresh
        return (fresh.wall_ns - old.wall_ns) - (fresh.mono_ns - old.mono_ns)

    def to_mono(self, wall_ns: int) -> int:
        """The monotonic time of a wall-clock time near now."""
        with self._lock:
            return self._anchor.mono_ns + (wall_ns - self._anchor.wall_ns)
