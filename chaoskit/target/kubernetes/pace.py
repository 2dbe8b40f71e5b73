"""How often the API server is asked when nothing depends on the moment: at a start, between trials.

A fault, its proof and its undo are asked for at once, and watches are streams; those never wait here.
"""

import threading
from collections.abc import Callable

from chaoskit.target.patience import elapsed_s, rest

RATE_HZ = 4.0  # below the 5 a second that a cluster's owner was promised, with what need not wait
AT_ONCE = 2  # watches and a first greeting come on top of them


class Pace:
    """A bucket of tokens: `at_once` at most, `rate_hz` new ones a second. Thread-safe."""

    def __init__(
        self,
        rate_hz: float = RATE_HZ,
        at_once: int = AT_ONCE,
        *,
        now_s: Callable[[], float] = elapsed_s,
        rest_s: Callable[[float], None] = rest,
    ) -> None:
        self._every_s = 1 / rate_hz
        self._slack_s = (at_once - 1) / rate_hz
        self._now_s, self._rest_s = now_s, rest_s
        self._due_s = 0.0  # when the next call is due, were they all evenly spaced
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Take a token, when there is one."""
        with self._lock:
            now_s = self._now_s()
            due_s = max(self._due_s, now_s)
            self._due_s = due_s + self._every_s
        wait_s = due_s - self._slack_s - now_s
        if wait_s > 0:
            self._rest_s(wait_s)
