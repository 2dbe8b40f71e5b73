"""Two builds side by side: what became of every measure of every experiment."""

from dataclasses import dataclass
from enum import StrEnum

from chaoskit.model.measures import Sense, Unit
from chaoskit.model.side import Side, SideExperiment, Taken


class Change(StrEnum):
    """What can be said of the candidate, beside the baseline."""

    SAME = "same"  # the shift is smaller than what matters
    SLOWER = "slower"  # a regression
    FASTER = "faster"
    CANNOT_TELL = "cannot tell"
    ONLY_A = "only in A"
    ONLY_B = "only in B"


class Method(StrEnum):
    """How it was found out."""

    MANN_WHITNEY = "mann-whitney"
    LOG_RANK = "log-rank"
    ANY = "any at all"  # where one case is already too many
    NONE = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure of one experiment. Numbers are in the measure's unit; None: no bound is known.

    The shift is positive when the candidate's number is larger, whether that is good or bad.
    """

    measure: str
    unit: Unit
    sense: Sense
    change: Change
    baseline: Taken | None
    candidate: Taken | None
    baseline_median: float | None = None
    candidate_median: float | None = None
    method: Method = Method.NONE
    shift: float | None = None
    low: float | None = None  # of the shift's 95 % interval
    high: float | None = None
    gate: float | None = None  # a smaller shift does not matter
    p_worse: float | None = None  # one-sided, before and after the correction for many tests
    p_better: float | None = None
    adjusted_worse: float | None = None
    adjusted_better: float | None = None
    note: str = ""

    @property
    def word(self) -> str:
        """The change in the measure's own terms: more is not slower when it is counted."""
        if self.unit is Unit.SECONDS:
            return self.change.value
        words = {Change.SLOWER: "worse", Change.FASTER: "better"}
        return words.get(self.change, self.change.value)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One experiment in both sides, or in one of them."""

    name: str
    change: Change  # the worst of its rows
    baseline: SideExperiment | None
    candidate: SideExperiment | None
    rows: tuple[Row, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The change in the terms of the measure that decided it."""
        return next((one.word for one in self.rows if one.change is self.change), self.change.value)

    @property
    def title(self) -> str:
        """For people."""
        one = self.candidate or self.baseline
        return one.title if one else self.name


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A candidate beside a baseline."""

    baseline: Side
    candidate: Side
    pairs: tuple[Pair, ...]
    tests: int  # how many there were: what the p-values are corrected for
    warnings: tuple[str, ...] = ()

    def count(self, change: Change) -> int:
        """Experiments whose worst row is this."""
        return sum(one.change is change for one in self.pairs)

    @property
    def regression(self) -> bool:
        """Whether the candidate is worse somewhere."""
        return bool(self.count(Change.SLOWER))
