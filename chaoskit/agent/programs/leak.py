"""Program `leak`: takes more and more memory or disk in the name of an instance.

Configuration: `resource` (memory or disk), `pid` (the instance's main process: the leak ends with
it), `rate` (bytes a second), `most` (bytes, where it stops growing); for memory `join` (places of
control groups), for disk `file` (which must not be there yet).
Ready message: `{"pid", "began_ns"}`. The order `{}` is answered with `{"bytes"}`: what it has taken.
"""

import errno
import os
import time
from contextlib import suppress
from typing import Any, Protocol

from chaoskit.agent.groups import cgroups
from chaoskit.agent.kind import Refused
from chaoskit.agent.programs import talk
from chaoskit.agent.programs.hog import Life

_STEP_S = 0.02
_CHUNK_BYTES = 1 << 14
_MOST_AT_ONCE_S = 1.0  # of the rate, after we were not run for a while


class Sink(Protocol):
    """What is leaked into."""

    taken: int

    def take(self, chunk: bytes) -> None:
        """Take so much more. Raises OSError when there is no more."""


class Memory:
    """Pages of our own that nobody frees; that they are resident is seen at the process."""

    def __init__(self) -> None:
        self.taken = 0
        self._chunks: list[bytearray] = []

    def take(self, chunk: bytes) -> None:
        """A copy of it, every page written."""
        self._chunks.append(bytearray(chunk))
        self.taken += len(chunk)


class Disk:
    """A file that only grows."""

    def __init__(self, path: str) -> None:
        self.taken = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)

    def take(self, chunk: bytes) -> None:
        """Write it at the end."""
        self.taken += os.write(self._file, chunk)


def main() -> None:
    """Leak until told to leave, or until the instance ends."""
    config = talk.read_config()
    try:
        life = Life(config["pid"])
        for place in config.get("join", ()):
            cgroups.group_at(place).join(os.getpid())
        sink: Sink = Memory() if config["resource"] == "memory" else Disk(config["file"])
    except (OSError, Refused) as error:
        talk.fail(f"the leak cannot begin: {error}")
        return
    _leak(sink, config, life)


def _leak(sink: Sink, config: dict[str, Any], life: Life) -> None:
    rate, most = config["rate"], config["most"]
    chunk = os.urandom(_CHUNK_BYTES)  # not to be compressed away
    began_ns = time.monotonic_ns()
    talk.tell({"pid": os.getpid(), "began_ns": began_ns})
    while True:
        if not life.goes_on(_STEP_S):
            if not life.next_order():
                return
            talk.tell({"bytes": sink.taken})
        due = round((time.monotonic_ns() - began_ns) * rate / 1e9)
        until = min(due, most, sink.taken + round(_MOST_AT_ONCE_S * rate))
        try:
            while sink.taken + _CHUNK_BYTES <= until and life.goes_on(0):
                sink.take(chunk)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            most = sink.taken  # full


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
