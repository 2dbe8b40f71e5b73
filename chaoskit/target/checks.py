"""What `doctor` finds out: one named answer for each question, with the way to mend it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"  # runs work, with the limit that `why` names
    FAIL = "fail"  # runs do not work
    UNKNOWN = "unknown"  # could not be found out here


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its stable name, what was found, why it matters, and what mends it."""

    id: str
    status: Status
    evidence: str
    why: str = ""
    fix: str = ""  # a command where there is one; empty when nothing is to be done


def verdict(*, ok: bool, otherwise: Status = Status.FAIL) -> Status:
    """OK, or how bad it is otherwise."""
    return Status.OK if ok else otherwise
