"""When the way itself was broken: intervals, joined and told a few times a second."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

TELL_EVERY_S = 0.2
_JOIN_NS = 1_000_000_000  # failures this close, with nothing between that went through, are one gap

Tell = Callable[[int, int, str], None]  # from, to, why


@dataclass
class Gaps:
    """The gaps of one entrypoint. Thread-safe; `tell` is called by whoever calls `flush`."""

    tell: Tell
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _open_ns: int = field(default=0, init=False)  # until when the last failure lasted; 0: all well
    _piece: tuple[int, int, str] | None = field(default=None, init=False)  # not told yet

    def broken(self, from_ns: int, to_ns: int, why: str) -> None:
        """The way was broken in this time."""
        with self._lock:
            if self._open_ns and from_ns - self._open_ns <= _JOIN_NS:
                from_ns = min(from_ns, self._open_ns)
            self._open_ns = max(to_ns, self._open_ns)
            piece = self._piece
            if piece is not None and from_ns <= piece[1] and to_ns >= piece[0]:
                self._piece = (min(from_ns, piece[0]), max(to_ns, piece[1]), piece[2])
                return
            self._piece = (from_ns, to_ns, why)
        if piece is not None:
            self.tell(*piece)

    def carried(self) -> None:
        """A connection told something about the service: the next failure begins a gap of its own."""
        with self._lock:
            self._open_ns = 0

    def flush(self) -> None:
        """Tell what is not told yet."""
        with self._lock:
            piece, self._piece = self._piece, None
        if piece is not None:
            self.tell(*piece)
