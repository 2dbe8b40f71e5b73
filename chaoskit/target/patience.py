"""Waiting for a condition, with a deadline.

The rooms in target/ lie below run/ and its clock, and nothing here is a measurement: these are the
bounds on how long a target may take to come and go.
"""

import threading
import time
from collections.abc import Callable


class Deadline:
    """A point in time that is `timeout_s` seconds away."""

    def __init__(self, timeout_s: float) -> None:
        self._end_s = _now_s() + timeout_s

    @property
    def left_s(self) -> float:
        """Seconds until the deadline, never below zero."""
        return max(0.0, self._end_s - _now_s())

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self.left_s == 0.0


def wait_until(condition: Callable[[], bool], *, timeout_s: float, every_s: float = 0.02) -> bool:
    """Ask until the condition holds or the time is up; whether it held."""
    deadline = Deadline(timeout_s)
    while not condition():
        if deadline.passed:
            return False
        rest(every_s)
    return True


def rest(seconds: float) -> None:
    """Leave the processor to others for a moment; only loops that look again may call it."""
    threading.Event().wait(seconds)


def elapsed_s(since_s: float = 0.0) -> float:
    """Seconds of a steady clock since an earlier reading of it."""
    return _now_s() - since_s


def _now_s() -> float:
    return time.monotonic()  # noqa: TID251  # see above
