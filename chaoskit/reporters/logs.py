"""What the target's services said around a fault: a few lines of logs that may be huge and hostile.

A log is read once for all trials of an experiment, line by line. A line without a time stamp of its
own belongs to the one before it: a stack trace stays whole.
"""

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from chaoskit.model.marks import NS
from chaoskit.reporters.text import clip, one_line, redact

WINDOW_S = 3.0
_BEFORE, _AFTER = 30, 90  # lines shown of each side
_LINE_LIMIT = 1000  # characters
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)? ?")
_STAMP_WITHIN = 90  # characters: an instance's name may stand before it


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line, in seconds from the fault."""

    at_s: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """The lines of one service around one fault."""

    service: str
    lines: tuple[LogLine, ...]
    left_out: int  # lines of the window that were too many


@dataclass(kw_only=True)
class _Window:
    zero_ns: int
    before: deque[LogLine] = field(default_factory=lambda: deque(maxlen=_BEFORE))
    after: list[LogLine] = field(default_factory=list)
    seen: int = 0

    def offer(self, at_ns: int, text: str) -> None:
        at_s = (at_ns - self.zero_ns) / NS
        self.seen += 1
        if at_s < 0:
            self.before.append(LogLine(at_s=at_s, text=text))
        elif len(self.after) < _AFTER:
            self.after.append(LogLine(at_s=at_s, text=text))


def excerpts(service: str, path: Path, zeros_ns: Sequence[int]) -> tuple[Excerpt, ...]:
    """The lines within three seconds of each instant (wall clock), redacted and clean.

    A file that cannot be read gives empty excerpts: a report is worth having without it.
    """
    windows = _empty(zeros_ns)
    ordered = sorted(windows, key=lambda one: one.zero_ns)
    edges = [one.zero_ns for one in ordered]
    reach = int(WINDOW_S * NS)
    try:
        for at_ns, text in _stamped(path):
            first, last = bisect_left(edges, at_ns - reach), bisect_right(edges, at_ns + reach)
            shown = redact(one_line(text, limit=_LINE_LIMIT)) if first < last else ""
            for window in ordered[first:last]:
                window.offer(at_ns, shown)
    except OSError:
        windows = _empty(zeros_ns)
    return tuple(
        Excerpt(
            service=service,
            lines=(*window.before, *window.after),
            left_out=window.seen - len(window.before) - len(window.after),
        )
        for window in windows
    )


def _empty(zeros_ns: Sequence[int]) -> list[_Window]:
    return [_Window(zero_ns=zero_ns) for zero_ns in zeros_ns]


def shortened(found: Sequence[Excerpt], characters: int) -> tuple[Excerpt, ...]:
    """The lines nearest to the fault, at most so many characters of all services together."""
    nearest = sorted(
        ((abs(line.at_s), i, j) for i, one in enumerate(found) for j, line in enumerate(one.lines)),
    )
    kept: set[tuple[int, int]] = set()
    for _, i, j in nearest:
        characters -= len(found[i].lines[j].text) + 40
        if characters < 0:
            break
        kept.add((i, j))
    return tuple(
        replace(
            one,
            lines=tuple(line for j, line in enumerate(one.lines) if (i, j) in kept),
            left_out=one.left_out + sum((i, j) not in kept for j in range(len(one.lines))),
        )
        for i, one in enumerate(found)
    )


def _stamped(path: Path) -> Iterator[tuple[int, str]]:
    """Every line with its wall-clock nanoseconds; those before the first stamp are not placed."""
    at_ns: int | None = None
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            found = _STAMP.search(line, 0, _STAMP_WITHIN)
            stamp_ns = _wall_ns(found) if found else None
            if found and stamp_ns is not None:
                at_ns = stamp_ns
                line = line[: found.start()] + line[found.end() :]  # noqa: PLW2901
            if at_ns is not None:
                yield at_ns, clip(line, 4 * _LINE_LIMIT)


def _wall_ns(found: re.Match[str]) -> int | None:
    second = _second(f"{found[1]}T{found[2]}{(found[4] or '+00:00').replace('Z', '+00:00')}")
    return None if second is None else second * NS + int((found[3] or "0").ljust(9, "0"))


@lru_cache(maxsize=1024)
def _second(stamp: str) -> int | None:
    try:
        return int(datetime.fromisoformat(stamp).timestamp())
    except (ValueError, OverflowError):
        return None  # looks like a time and is none, such as month 13
