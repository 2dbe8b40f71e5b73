"""The keys of the live view: `q` ends the run in good order, `p` holds the next fault back.

`q` is the first signal and nothing else. The terminal is given back whatever happens: at the end, at
a second signal, at Ctrl-Z and Ctrl-backslash. Nothing is read while we are in the background, which
would stop the whole process, and its leases with it.
"""

import contextlib
import os
import select
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO

from chaoskit.model.wishes import Wishes
from chaoskit.reporters.terminal_painter import in_front

_LOOK_EVERY_S = 0.25
_QUIT, _HOLD = set(b"qQ"), set(b"pP")
_GIVEN_BACK_AT = (signal.SIGTSTP, signal.SIGQUIT)


class Keys(Wishes):
    """The wishes of whoever sits at a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.erase: Callable[[], None] = lambda: None  # what is drawn, before others write
        self._stream, self._fd = stream, stream.fileno()
        self._setting = threading.RLock()  # a signal's handler may find it held by its own thread
        self._before: list[object] | None = None
        self._woken, self._waker = -1, -1

    @contextlib.contextmanager
    def read(self) -> Iterator[None]:
        """Read keys until left."""
        self._woken, self._waker = os.pipe()
        handlers = self._install()
        reader = threading.Thread(target=self._read, name="keys", daemon=True)
        self._take()
        reader.start()
        try:
            yield
        finally:
            os.close(self._waker)
            reader.join(timeout=5.0)
            self.leave()
            os.close(self._woken)
            for number, handler in handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave us

    def leave(self) -> None:
        """Give the terminal back as it was; what was typed and not read is forgotten."""
        self.erase()
        with self._setting:
            before, self._before = self._before, None
            if before is not None and in_front(self._stream):
                with contextlib.suppress(termios.error, OSError):
                    termios.tcsetattr(self._fd, termios.TCSAFLUSH, before)  # type: ignore[arg-type]

    def _take(self) -> None:
        """Have every key at once, and not shown."""
        with self._setting, contextlib.suppress(termios.error, OSError):
            if self._before is None and in_front(self._stream):
                self._before = termios.tcgetattr(self._fd)
                tty.setcbreak(self._fd, termios.TCSADRAIN)

    def _read(self) -> None:
        while os.isatty(self._fd):
            ours = [self._fd] if in_front(self._stream) else []
            try:
                ready, _, _ = select.select([*ours, self._woken], [], [], _LOOK_EVERY_S)
            except (OSError, ValueError):
                break
            if self._woken in ready:
                return
            self._take()  # after Ctrl-Z and fg, too
            if self._fd not in ready or not in_front(self._stream):
                continue
            try:
                typed = os.read(self._fd, 64)
            except OSError:
                break
            if not typed:
                break
            self._typed(typed)
        self.hold.clear()  # nobody is left who could end the waiting

    def _typed(self, typed: bytes) -> None:
        """A paste, or the sequence of a cursor key, is none of ours.

        When the run is over a signal would only cost its reports.
        """
        if self.over.is_set() or not set(typed) <= _QUIT | _HOLD:
            return
        for key in typed:
            if key in _QUIT and not self.stop.is_set():
                os.kill(os.getpid(), signal.SIGINT)
                return
            if key in _HOLD:
                (self.hold.clear if self.hold.is_set() else self.hold.set)()

    def _install(self) -> dict[signal.Signals, object]:
        if threading.current_thread() is not threading.main_thread():
            return {}
        usual = [one for one in _GIVEN_BACK_AT if signal.getsignal(one) is signal.SIG_DFL]
        return {number: signal.signal(number, self._interrupted) for number in usual}

    def _interrupted(self, number: int, _frame: FrameType | None) -> None:
        """Give the terminal back, then let the signal do what it does by itself."""
        self.leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._interrupted)  # reached after Ctrl-Z and fg
        self._take()
