"""What was written to a target and what was read back: the evidence about its data.

`ledger.jsonl` is a JSON list a line, in the order in which things happened. An attempt is on disk
before it is sent, so that nothing that reached the target is ever unheard of.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

LEDGER_FILE = "ledger.jsonl"


class Fate(StrEnum):
    """What became of a write, as far as its writer was told."""

    OK = "ok"  # acknowledged: it must be there from now on
    FAIL = "fail"  # refused, or never sent: it must not be there
    INFO = "info"  # no answer came: it may or may not be there


class Discipline(StrEnum):
    """What the target promises about what it was given."""

    SET = "set"  # it keeps every value
    QUEUE = "queue"  # it handles every value, at least once


@dataclass(frozen=True, kw_only=True)
class Write:
    """One value, written once. Nobody else ever writes it."""

    value: int
    at_ns: int
    done_ns: int | None = None  # when the answer came; None: it never did
    fate: Fate = Fate.INFO
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Read:
    """Everything that was there, as often as it was there."""

    begun_ns: int
    done_ns: int
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class LedgerLog:
    """All writes and reads of one trial."""

    kind: str
    discipline: Discipline
    rate_hz: float
    writes: tuple[Write, ...] = ()
    reads: tuple[Read, ...] = ()  # while writing
    final: Read | None = None  # after the last write; None: nobody knows what is there
    unread: str = ""  # why there is no final read
    skipped: int = 0  # writes that were due while too many were under way
    torn: bool = False  # a line within the file cannot be read


@dataclass
class _Reading:
    """A log being put together."""

    head: dict[str, Any] = field(default_factory=dict)
    writes: dict[int, Write] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    final: Read | None = None
    unread: str = ""
    skipped: int = 0

    def take(self, entry: Sequence[Any]) -> None:
        """One line. Raises ValueError, TypeError, LookupError for what is none of ours."""
        match entry:
            case ["begin", dict() as head]:
                self.head = head
            case ["write", int(value), int(at_ns)]:
                self.writes[value] = Write(value=value, at_ns=at_ns)
            case ["ok" | "fail" | "info" as fate, int(value), int(done_ns), str(why)]:
                at_ns = self.writes[value].at_ns
                self.writes[value] = Write(
                    value=value, at_ns=at_ns, done_ns=done_ns, fate=Fate(fate), why=why
                )
            case ["skip", int()]:
                self.skipped += 1
            case ["read" | "final" as what, int(begun_ns), int(done_ns), list(values)]:
                read = Read(begun_ns=begun_ns, done_ns=done_ns, values=tuple(map(int, values)))
                if what == "read":
                    self.reads.append(read)
                else:
                    self.final = read
            case ["unread", int(), str(why)]:
                self.unread = why
            case _:
                message = f"not a line of a ledger: {entry!r}"
                raise ValueError(message)


def read_ledger(path: Path) -> LedgerLog | None:
    """The ledger of a trial; None when none was kept. A torn last line is dropped."""
    if not path.exists():
        return None
    found, torn = _Reading(), False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            found.take(json.loads(line))
        except (ValueError, TypeError, LookupError):
            torn = torn or number < len(lines)
    try:
        kind, discipline = str(found.head["kind"]), Discipline(found.head["discipline"])
        rate_hz = float(found.head["rate_hz"])
    except (ValueError, TypeError, LookupError):
        kind, discipline, rate_hz, torn = "", Discipline.SET, 1.0, True
    return LedgerLog(
        kind=kind,
        discipline=discipline,
        rate_hz=rate_hz,
        writes=tuple(found.writes.values()),
        reads=tuple(found.reads),
        final=found.final,
        unread=found.unread,
        skipped=found.skipped,
        torn=torn,
    )
