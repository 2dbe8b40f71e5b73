"""The ledger on its way to disk: a line for everything that happened, whole and at once."""

import json
import os
import threading
from pathlib import Path
from typing import Any

from chaoskit.ledgers.base import Answer
from chaoskit.model.ledger import Read


class Book:
    """The file that one trial's ledger is appended to. For any number of threads."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        """Begins the file anew. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)
        self._lock = threading.Lock()
        self.acked: set[int] = set()
        self._line("begin", head)

    def attempt(self, value: int, at_ns: int) -> None:
        """A value is about to be sent."""
        self._line("write", value, at_ns)

    def answer(self, value: int, done_ns: int, answer: Answer) -> None:
        """What was said to it."""
        self._line(answer.fate.value, value, done_ns, answer.why)
        if answer.fate.value == "ok":
            self.acked.add(value)

    def skip(self, at_ns: int) -> None:
        """A write was due, and there was nobody free to do it."""
        self._line("skip", at_ns)

    def read(self, what: Read, *, final: bool) -> None:
        """Everything that was there."""
        name = "final" if final else "read"
        self._line(name, what.begun_ns, what.done_ns, sorted(what.values))
        if final:
            os.fsync(self._fd)

    def unread(self, at_ns: int, why: str) -> None:
        """It could not be read back."""
        self._line("unread", at_ns, why)

    def close(self) -> None:
        """Nothing is pending."""
        os.close(self._fd)

    def _line(self, *entry: Any) -> None:
        data = memoryview(json.dumps(entry).encode() + b"\n")
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]
