"""Every error that a person can meet, with the exit code it leads to.

ChaoskitError
├─ InputError         2  the file or the command line is wrong; nothing was started
├─ EnvironmentUnfit   4  no engine, no image, a missing capability; nothing was started
├─ NothingSelected    5  no experiment matched
├─ Inconclusive       3  it cannot be told: nothing was learnt about the system
│  └─ FaultRefused    3  this fault could not be applied
├─ LiftFailed         7  a fault or a resource may be left behind
└─ NotPublished       8  the run is over and judged; its results are not where they should be

A sick target is not an error: it is evidence. A defect of ours is a traceback in the log and exit 6.
"""

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """What the process says to its caller. When several apply: 7, 6, 4, 1, 3; 8 only instead of 0."""

    PASS = 0
    EVIDENCE_AGAINST = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ENVIRONMENT = 4
    NOTHING_SELECTED = 5
    HARNESS = 6
    LEFT_BEHIND = 7
    NOT_PUBLISHED = 8  # only where it would be PASS
    SIGINT = 130
    SIGTERM = 143


PRECEDENCE = (
    Exit.LEFT_BEHIND,
    Exit.HARNESS,
    Exit.ENVIRONMENT,
    Exit.EVIDENCE_AGAINST,
    Exit.INCONCLUSIVE,
)


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One mistake in a file: where it is, what was found, what is allowed."""

    file: str
    line: int = 0  # 1-based; 0 means the file as a whole
    column: int = 0  # 1-based
    message: str
    hint: str = ""  # what is allowed, or "did you mean"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}: {self.message}{hint}"


class ChaoskitError(Exception):
    """The root: everything below it is shown as one message, never as a traceback."""

    exit_code: Exit = Exit.HARNESS


class InputError(ChaoskitError):
    """The author of a file or of a command line must act; every mistake is listed at once."""

    exit_code = Exit.USAGE

    def __init__(self, problems: Problem | str | tuple[Problem, ...] | list[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(file="chaoskit", message=problems)
        if isinstance(problems, Problem):
            problems = (problems,)
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class EnvironmentUnfit(ChaoskitError):
    """The operator must act: the message says what was tried and what mends it."""

    exit_code = Exit.ENVIRONMENT


class NothingSelected(ChaoskitError):
    """No experiment matched what was asked for."""

    exit_code = Exit.NOTHING_SELECTED


class Inconclusive(ChaoskitError):
    """Nothing was learnt about the system."""

    exit_code = Exit.INCONCLUSIVE


class FaultRefused(Inconclusive):
    """A fault could not be applied, or could not be proven in effect."""


class LiftFailed(ChaoskitError):
    """Something of ours may still be there. The loudest message we have."""

    exit_code = Exit.LEFT_BEHIND


class NotPublished(ChaoskitError):
    """A run has its verdict, and its results could not be copied to where they were to go."""

    exit_code = Exit.NOT_PUBLISHED
