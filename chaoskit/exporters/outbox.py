"""Sends things while a run goes on, without ever making it wait.

One thread carries out small tasks in order. A task that fails is told of once; after three failures in
a row nothing more is tried, so that a collector that is down costs seconds and not a run.
"""

import contextlib
import http.client
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

from chaoskit import __version__
from chaoskit.reporters.text import one_line, redact

SEND_TIMEOUT_S = 3.0
PATIENCE_S = 5.0  # for what is still to be sent when the run is over
_WAITING = 1000
_IN_A_ROW = 3
_LONGEST_REPLY = 1 << 20

Task = Callable[[], None]


def send(
    method: str, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
) -> bytes:
    """One HTTP request; the reply's body. Raises OSError or HTTPException when it was not taken."""
    request = urllib.request.Request(  # noqa: S310  # the scheme was checked with the option
        url,
        data=body,
        method=method,
        headers={"User-Agent": f"chaoskit/{__version__}", **headers},
    )
    with urllib.request.urlopen(request, timeout=timeout_s) as reply:  # noqa: S310
        read: bytes = reply.read(_LONGEST_REPLY)
        return read


class Outbox:
    """Tasks that are on their way to one receiver."""

    def __init__(self, receiver: str) -> None:
        self._receiver = redact(receiver)
        self._tasks: queue.Queue[Task | None] = queue.Queue(_WAITING)
        self._first_trouble = ""
        self._lost = self._failed_in_a_row = 0
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Carry this out soon; at once forgotten when there is no room or no use."""
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            self._trouble("too much was waiting to be sent")

    def close(self) -> tuple[str, ...]:
        """Send what is left, for a few seconds at most; what went wrong, in one line or none."""
        left = self._tasks.qsize()
        with contextlib.suppress(queue.Full):  # the thread is stuck, and is left behind
            self._tasks.put_nowait(None)
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            self._trouble(f"no answer in time; up to {left + 1} were not sent")
        if not self._first_trouble:
            return ()
        more = f" ({self._lost} were not delivered)" if self._lost > 1 else ""
        return (
            f"{self._receiver}: {self._first_trouble}{more}; the verdict does not depend on it",
        )

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._failed_in_a_row >= _IN_A_ROW:
                self._lost += 1
                continue
            try:
                task()
                self._failed_in_a_row = 0
            except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
                self._failed_in_a_row += 1
                self._trouble(_words(error))

    def _trouble(self, words: str) -> None:
        self._lost += 1
        self._first_trouble = self._first_trouble or redact(one_line(words, limit=200))


def _words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
