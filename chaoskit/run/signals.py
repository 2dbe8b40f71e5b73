"""The first SIGINT or SIGTERM ends the run in good order; a second one stops waiting.

After a second signal the process leaves at once: the agent lifts when its pipe closes, and the
keeper removes what is left, from the undo log.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from chaoskit.model.wishes import Wishes

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The run is to end: a signal came. Not an error, so nothing but the supervisor catches it."""


class Signals:
    """Turns signals into a flag that loops look at, and into Interrupted where nothing loops."""

    def __init__(self, wishes: Wishes | None = None) -> None:
        self._wishes = wishes or Wishes()
        self.stop = self._wishes.stop
        self.name = ""
        self._raising = False
        self._before: dict[int, object] = {}

    @contextmanager
    def raising(self) -> Iterator[None]:
        """While a blocking step is under way a signal raises Interrupted out of it."""
        if self.stop.is_set():
            raise Interrupted
        self._raising = True
        try:
            yield
        finally:
            self._raising = False

    def __enter__(self) -> Self:
        # Python lets only the main thread have handlers; a run in another one has its caller's.
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wishes.over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave us

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set():
            self._wishes.leave()
            os.write(2, b"\nchaoskit: leaving at once; the keeper lifts and removes what is left\n")
            os._exit(128 + number)
        self.name = signal.Signals(number).name
        self.stop.set()
        if self._raising:
            raise Interrupted
