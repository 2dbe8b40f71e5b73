"""Where a long series changed its level: change points over stored runs.

E-divisive with means (Matteson and James 2014; MongoDB's signal processing) finds the split that
separates a stretch best; a t-test says whether to believe it, so that the same history always gives
the same answer (Fleming and others, "Hunter", ICPE 2023, now Apache Otava). Splitting is generous,
ten times the p that is asked for; then the weakest points are taken back until all of them hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

import numpy as np
import numpy.typing as npt
from scipy import stats

LEAST_RUNS = 20  # with fewer, a change cannot be told from luck
P = 0.001
LEAST_CHANGE = 0.05  # of the level before
_LEAST_STRETCH = 3

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of level."""

    index: int  # of the first value at the new level
    before: float  # the mean of the stretch that ended
    after: float
    p: float

    @property
    def share(self) -> float:
        """How much the level moved, as a share of the one before."""
        return (self.after - self.before) / abs(self.before) if self.before else float("inf")


def change_points(values: Sequence[float], *, p: float = P) -> tuple[Change, ...]:
    """The changes of level in a series, oldest first; none with fewer than twenty values."""
    if len(values) < LEAST_RUNS:
        return ()
    points = _split(np.asarray(values, dtype=float), 0, 10 * p)
    return _merged(values, points, p)


def _split(values: Values, start: int, p: float) -> list[int]:
    """Indexes at which stretches begin, found by dividing again and again."""
    if len(values) < 2 * _LEAST_STRETCH:
        return []
    at = _best_split(values)
    if _p_of(values[:at], values[at:]) > p:
        return []
    return [*_split(values[:at], start, p), start + at, *_split(values[at:], start + at, p)]


def _best_split(values: Values) -> int:
    """Where the energy statistic nm/(n+m) · (2A − B − C) is greatest.

    A is the mean distance between the two sides, B and C those within each.
    """
    distance = np.abs(values[:, None] - values[None, :])
    inside = distance.cumsum(axis=0).cumsum(axis=1)
    total = float(inside[-1, -1])
    best, found = -np.inf, _LEAST_STRETCH
    for n in range(_LEAST_STRETCH, len(values) - _LEAST_STRETCH + 1):
        m = len(values) - n
        left, upper = float(inside[n - 1, n - 1]), float(inside[n - 1, -1])
        between, right = upper - left, total - 2 * upper + left
        energy = 2 * between / (n * m) - left / (n * n) - right / (m * m)
        statistic = n * m / (n + m) * energy
        if statistic > best + 1e-12:
            best, found = statistic, n
    return found


def _merged(values: Sequence[float], points: list[int], p: float) -> tuple[Change, ...]:
    """What is left when every point that does not hold was taken back, the weakest first."""
    while points:
        changes = [_change(values, points, i) for i in range(len(points))]
        weak = [i for i, one in enumerate(changes) if one.p > p or abs(one.share) < LEAST_CHANGE]
        if not weak:
            return tuple(changes)
        points.pop(max(weak, key=lambda i: (changes[i].p, -abs(changes[i].share))))
    return ()


def _change(values: Sequence[float], points: Sequence[int], i: int) -> Change:
    start = points[i - 1] if i else 0
    end = points[i + 1] if i + 1 < len(points) else len(values)
    before, after = values[start : points[i]], values[points[i] : end]
    p = _p_of(np.asarray(before), np.asarray(after))
    return Change(index=points[i], before=mean(before), after=mean(after), p=p)


def _p_of(before: Values, after: Values) -> float:
    """Welch's t-test; levels without any spread are different when they differ."""
    if np.ptp(before) == 0 and np.ptp(after) == 0:
        return 0.0 if before[0] != after[0] else 1.0
    return float(stats.ttest_ind(before, after, equal_var=False).pvalue)


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What a series usually is: median and spread, robust against outliers."""

    median: float
    mad: float  # the median distance from the median

    @property
    def limit(self) -> float:
        """Beyond this it is unusual: three robust standard deviations, and 20 % more."""
        return max(self.median + 3 * 1.4826 * self.mad, 1.2 * self.median)


def usual(values: Sequence[float]) -> Usual:
    """The usual level of earlier values. Raises StatisticsError without any."""
    middle = median(values)
    return Usual(median=middle, mad=median(abs(one - middle) for one in values))
