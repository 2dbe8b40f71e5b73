"""How an experiment fared over the stored runs."""

from dataclasses import dataclass
from enum import StrEnum

from chaoskit.model.verdict import Verdict


class State(StrEnum):
    """What the last runs say together."""

    NEW = "new"  # the first run that told anything
    FIXED = "fixed"  # it passes, and did not before
    BROKEN = "broken"  # it fails, and did not before
    FLAKY = "flaky"  # it went to and fro within the last ten runs
    EXPIRED = "expired"  # it told something once, but nobody ran it for so many days
    STABLE = "stable"
    UNTOLD = "untold"  # no run told anything yet


class Pace(StrEnum):
    """The last run beside those before it."""

    USUAL = "as usual"
    SLOWER = "slower"
    FASTER = "faster"
    TOO_FEW = "too few runs"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run of an experiment."""

    run: str
    at: str
    verdict: Verdict | None
    passed: bool | None
    value: float | None  # the median over its trials; None: unknown, or not seen to end
    beyond: bool = False  # half of the trials or more were not seen to end
    comparable: bool = True  # the same file and the same kind of machine as the last run


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A change of level between two stretches of runs."""

    run: str  # the first one at the new level
    at: str
    before: float
    after: float
    p: float


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One experiment over time; points in order of time."""

    experiment: str
    measure: str
    state: State
    points: tuple[Point, ...]
    pace: Pace
    usual: float | None = None  # the median of the runs before the last
    spread: float | None = None  # their median distance from it
    limit: float | None = None  # above it the last one is slower
    earlier: int = 0  # how many runs that is
    shifts: tuple[Shift, ...] = ()

    @property
    def last(self) -> Point:
        """The newest run."""
        return self.points[-1]
