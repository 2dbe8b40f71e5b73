"""When a fault's turn has come: `at` is counted from the start of the method.

The method's activities are played one after the other, so a fault waits here until it is due; those
that chaoslib plays in the background wait side by side.
"""

import threading

from chaoskit.faults.base import Fault
from chaoskit.model.timeline import NS
from chaoskit.run.clock import now_ns, pause

LATE_S = 0.1  # beyond this a fault did not come when it was promised, and the evidence says so

_STEP_S = 0.1  # a signal is seen between two of these


class Timetable:
    """The start of one method, and waiting for a fault's time after it. Thread-safe."""

    def __init__(self) -> None:
        self._start_ns: int | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """The method starts now."""
        with self._lock:
            self._start_ns = now_ns()

    def wait_for(self, fault: Fault) -> float:
        """Wait until the fault is due; returns by how many seconds it is late.

        Without a `begin` the first fault that comes starts the method.
        """
        with self._lock:
            if self._start_ns is None:
                self._start_ns = now_ns()
            due_ns = self._start_ns + round((fault.at_s or 0.0) * NS)
        while (left_s := (due_ns - now_ns()) / NS) > 0:
            pause(min(left_s, _STEP_S))
        return -left_s if fault.at_s is not None else 0.0


def lateness(fault: Fault, late_s: float) -> str:
    """A sentence about a fault that came later than it was promised; "" when it did not."""
    if late_s <= LATE_S:
        return ""
    return f"{fault.name} was due {fault.at} into the method and came {late_s:.1f} s later"
