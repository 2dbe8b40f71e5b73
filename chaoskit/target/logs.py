"""The services' logs: kept on disk as they are written, and read as witnesses of the healers.

Each instance's log is followed through its restarts; an instance that replaces another is followed
too. Every line carries the time at which the engine took it from the container's pipe.
"""

import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.model.target import TargetSpec
from chaoskit.target.engine import connect
from chaoskit.target.events import close_stream

LOG_RESOLUTION_NS = 1_000_000  # from a program's write to the engine's stamp

_FIRST_LINES = 1000  # of what was written before we came
_OVERLAP_NS = 50_000_000  # asked for again when a log is followed anew
_LONGEST_LINE = 8192
_LONGEST_DETAIL = 300
_RETRY_S = 0.2
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00) ?")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of an instance's log, fit to be printed."""

    at_ns: int  # of the engine's wall clock
    stamp: str  # the same, as the engine wrote it
    text: str


def read_line(raw: bytes) -> Line | None:
    """A stamped line as the engine sends it; None for one without a stamp."""
    stamp = _STAMP.match(raw)
    if stamp is None:
        return None
    seconds = datetime.fromisoformat(stamp[1].decode() + "+00:00").timestamp()
    fraction = (stamp[2] or b"").ljust(9, b"0")
    return Line(
        at_ns=round(seconds) * NS + int(fraction),
        stamp=stamp[0].decode().strip(),
        text=_printable(raw[stamp.end() :]),
    )


def _printable(raw: bytes) -> str:
    """A line for people and for files: no colours, no control characters, and not endless."""
    text = raw[:_LONGEST_LINE].decode("utf-8", errors="replace").rstrip("\r\n")
    text = _UNPRINTABLE.sub(lambda one: f"\\x{ord(one[0]):02x}", _COLOURS.sub("", text))
    cut = len(raw) - _LONGEST_LINE
    return f"{text} … ({cut} more bytes)" if cut > 0 else text


class Witnesses:
    """The healers that logs bear witness for: which line of which service means what."""

    def __init__(self, spec: TargetSpec, wall_to_mono: Callable[[int], int]) -> None:
        self._wall_to_mono = wall_to_mono
        self._patterns = [
            (healer.name, witness.service, kind, re.compile(pattern))
            for healer in spec.healers
            if (witness := healer.log) is not None
            for kind, pattern in (
                (MarkKind.DETECTED, witness.detected),
                (MarkKind.ACTED, witness.acted),
                (MarkKind.RESTORED, witness.restored),
            )
            if pattern
        ]

    def marks(self, service: str, instance: str, line: Line) -> Iterator[Mark]:
        """The marks that a line gives, at the line's own time."""
        for healer, of_service, kind, pattern in self._patterns:
            if of_service == service and pattern.search(line.text):
                yield Mark(
                    at_ns=self._wall_to_mono(line.at_ns),
                    kind=kind,
                    source=healer,
                    service=service,
                    instance=instance,
                    detail=line.text[:_LONGEST_DETAIL],
                    resolution_ns=LOG_RESOLUTION_NS,
                    data={"witness": "log"},
                )


class Books:
    """The log files, one a service, written line by line from several threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, TextIO] | None = {}

    def write(self, service: str, instance: str, line: Line) -> None:
        """Append a line; nothing after `close`."""
        with self._lock:
            if self._files is None:
                return
            if service not in self._files:
                path = self._folder / f"{service}.log"
                self._files[service] = path.open("a", encoding="utf-8", buffering=1)
            self._files[service].write(f"{line.stamp} {instance} {line.text}\n")

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for file in (self._files or {}).values():
                file.close()
            self._files = None


@dataclass
class Recent:
    """Knows again the lines of a log's last moments, when they are sent a second time."""

    last_ns: int = 0
    _lines: deque[tuple[int, str]] = field(default_factory=deque)

    def is_new(self, line: Line) -> bool:
        """Whether the line has not been seen, as far back as we ever ask again."""
        key = (line.at_ns, line.text)
        if line.at_ns < self.last_ns - _OVERLAP_NS or key in self._lines:
            return False
        self.last_ns = max(self.last_ns, line.at_ns)
        self._lines.append(key)
        while self._lines[0][0] < self.last_ns - _OVERLAP_NS:
            self._lines.popleft()
        return True


class LogFollower(threading.Thread):
    """Follows one container's log as long as the container exists."""

    def __init__(self, container: str, hear: Callable[[Line], None]) -> None:
        super().__init__(name=f"log-{container[:12]}", daemon=True)
        self._container = container
        self._hear = hear
        self._recent = Recent()
        self._again = threading.Event()
        self._stopping = False
        self._stream: Any = None

    def wake(self) -> None:
        """The container runs (again): the engine ended the log when it stopped."""
        self._again.set()

    def close(self) -> None:
        """End; the thread follows."""
        self._stopping = True
        self._again.set()
        close_stream(self._stream)

    def run(self) -> None:
        """Until `close`, or until the container is removed."""
        while not self._stopping:
            self._again.clear()
            try:
                self._follow()
            except docker.errors.NotFound:
                return
            except (
                EnvironmentUnfit,
                docker.errors.DockerException,
                requests.exceptions.RequestException,
            ):
                self._again.wait(_RETRY_S)
                self._again.set()
            self._again.wait()

    def _follow(self) -> None:
        since_s = (self._recent.last_ns - _OVERLAP_NS) / NS
        with contextlib.closing(connect()) as client:
            self._stream = client.api.logs(
                self._container,
                stream=True,
                follow=True,
                timestamps=True,
                since=since_s if since_s > 0 else None,
                tail="all" if since_s > 0 else _FIRST_LINES,
            )
            try:
                if not self._stopping:
                    for raw in _whole_lines(self._stream):
                        line = read_line(raw)
                        if line is not None and self._recent.is_new(line):
                            self._hear(line)
            finally:
                close_stream(self._stream)


def _whole_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A terminal's log comes byte by byte, every other one line by line; cut at line ends."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest
