"""The exact distribution of Mann-Whitney's U over all ways to share out the values, ties included.

Recovery times are multiples of a probing period, and a masked fault recovers in 0 s every time: ties
are the rule, and the tables for untied values do not hold. The permutation distribution of the rank
sums always does. It is counted here by dynamic programming over the ranks, in doubled units so that
shared ranks are whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

MOST_VALUES = 100  # beyond, counting takes seconds and the normal approximation is good


@dataclass(frozen=True, kw_only=True)
class RankTest:
    """Whether one sample is above another."""

    u: float  # pairs in which the candidate is above; a tie is half a pair
    p_above: float  # one-sided
    p_below: float
    p_different: float
    least_p: float  # the smallest one-sided p that these values could have given
    exact: bool


def rank_test(baseline: Sequence[float], candidate: Sequence[float]) -> RankTest:
    """Compare two samples by their ranks. Raises ValueError when one is empty."""
    if not len(baseline) or not len(candidate):
        message = "both samples need at least one value"
        raise ValueError(message)
    n, m = len(baseline), len(candidate)
    doubled = np.rint(2 * stats.rankdata([*baseline, *candidate])).astype(int)
    found = int(doubled[n:].sum())
    u = found / 2 - m * (m + 1) / 2
    if n + m > MOST_VALUES:
        return _approximate(baseline, candidate, u)
    chances = _rank_sums(doubled, m)
    above, below = float(chances[found:].sum()), float(chances[: found + 1].sum())
    possible = np.flatnonzero(chances)
    return RankTest(
        u=u,
        p_above=min(1.0, above),
        p_below=min(1.0, below),
        p_different=min(1.0, 2 * min(above, below)),
        least_p=float(max(chances[possible[0]], chances[possible[-1]])),
        exact=True,
    )


def _rank_sums(doubled: npt.NDArray[np.int_], size: int) -> npt.NDArray[np.float64]:
    """The chance of each doubled rank sum of `size` values drawn without replacement."""
    most = int(np.sort(doubled)[-size:].sum())
    ways = np.zeros((size + 1, most + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        shifted = np.zeros_like(ways)
        shifted[1:, rank:] = ways[:-1, : most + 1 - rank]
        ways += shifted
    chances: npt.NDArray[np.float64] = ways[size] / ways[size].sum()
    return chances


def _approximate(baseline: Sequence[float], candidate: Sequence[float], u: float) -> RankTest:
    above = stats.mannwhitneyu(candidate, baseline, alternative="greater", method="asymptotic")
    below = stats.mannwhitneyu(candidate, baseline, alternative="less", method="asymptotic")
    both = stats.mannwhitneyu(candidate, baseline, method="asymptotic")
    varies = len({*baseline, *candidate}) > 1
    return RankTest(
        u=u,
        p_above=float(above.pvalue),
        p_below=float(below.pvalue),
        p_different=float(both.pvalue),
        least_p=0.0 if varies else 1.0,
        exact=False,
    )
