"""What is not heard of a cluster, and since when: evidence about us, told as notes in the marks.

A healer's act that falls into a gap may be told by nobody afterwards. Whoever judges must know of the
gap: what was not seen there did not therefore fail to happen.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from chaoskit.model.marks import Mark, MarkKind


@dataclass
class Hearing:
    """Which collections nobody tells of now. Thread-safe."""

    record: Callable[[Mark], None]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _since_ns: dict[str, int] = field(default_factory=dict, init=False)  # path → last sign of life

    def lost(self, path: str, at_ns: int, since_ns: int) -> None:
        """Nothing was heard of this collection since then. May be said again."""
        with self._lock:
            if path not in self._since_ns:
                self._since_ns[path] = since_ns
                self._tell(path, at_ns)

    def found(self, path: str, at_ns: int) -> None:
        """It is heard again, or was all the time."""
        with self._lock:
            if self._since_ns.pop(path, None) is not None:
                self.record(_note(f"{path} is heard again", at_ns, 0, heard=path))

    def announce(self, at_ns: int) -> None:
        """A trial begins: what is not heard now is said again."""
        with self._lock:
            for path in self._since_ns:
                self._tell(path, at_ns)

    def _tell(self, path: str, at_ns: int) -> None:
        self.record(_note(f"{path} is not heard", at_ns, at_ns - self._since_ns[path], deaf=path))


def _note(words: str, at_ns: int, resolution_ns: int, **data: str) -> Mark:
    return Mark(
        at_ns=at_ns,
        kind=MarkKind.NOTE,
        source="cluster",
        detail=words,
        resolution_ns=resolution_ns,
        data=data,
    )
