"""A measured quantity: an interval, not a point."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a number counts."""

    SECONDS = "s"
    RATIO = "ratio"
    COUNT = "count"


class Sense(StrEnum):
    """Which way is better."""

    AT_MOST = "at_most"  # a budget is an upper bound
    AT_LEAST = "at_least"  # a budget is a lower bound


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measure of one trial. The truth lies in [low, high]; a verdict uses the worse end."""

    measure: str
    unit: Unit
    low: float | None = None  # None: there was nothing to measure; `note` says why
    high: float | None = None
    censored: bool = False  # not seen to end: the truth is above `low`
    after_lift: bool = False  # reached only after the fault had been lifted
    resolution: float | None = None  # half-width that the method allows, same unit
    note: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return self.low is not None and self.high is not None

    @property
    def middle(self) -> float | None:
        """The centre of the interval, for display; None when unknown or censored."""
        if self.low is None or self.high is None or self.censored:
            return None
        return (self.low + self.high) / 2
