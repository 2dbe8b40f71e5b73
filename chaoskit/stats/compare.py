"""Whether a build recovers slower than the one before: how much, how sure, and does it matter.

Mann-Whitney, exact, with the Hodges-Lehmann shift and its exact interval. A regression must be
significant and also large enough to care about: the interval's lower end has to clear the gate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.stats.ranks import rank_test

LEAST_PER_ARM = 4  # with three per arm, even complete separation is not significant one-sided
GATE_SHARE = 0.10  # of the baseline's median
GATE_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A candidate against a baseline, in seconds."""

    u: float  # pairs in which the candidate is slower
    p_slower: float  # one-sided; exact, ties included, up to a hundred trials in all
    p_faster: float
    p_different: float
    least_p: float  # the smallest one-sided p that these trials could have given
    superiority: float  # A₁₂: how often a candidate's trial is slower than a baseline's
    shift_s: float  # Hodges-Lehmann
    low_s: float  # of the shift's 95 % interval
    high_s: float
    gate_s: float  # the shift's lower end must exceed this to be a regression
    regression: bool


def compare(
    baseline: Sequence[float], candidate: Sequence[float], *, period_s: float = 0.0
) -> Comparison | None:
    """Compare recovery times; None when either arm has fewer than four trials.

    Censored times do not belong here: see `chaoskit.stats.censored.log_rank`. Series that were
    capped alike may pass the cap itself: ties at it are ranked as ties.
    """
    if min(len(baseline), len(candidate)) < LEAST_PER_ARM:
        return None
    pairs = sorted(y - x for x in baseline for y in candidate)
    ranks = rank_test(baseline, candidate)
    depth = depth_of(len(baseline), len(candidate))
    gate_s = max(GATE_SHARE * _median(sorted(baseline)), 2 * period_s, GATE_S)
    low_s = pairs[depth - 1]
    return Comparison(
        u=ranks.u,
        p_slower=ranks.p_above,
        p_faster=ranks.p_below,
        p_different=ranks.p_different,
        least_p=ranks.least_p,
        superiority=ranks.u / len(pairs),
        shift_s=_median(pairs),
        low_s=low_s,
        high_s=pairs[-depth],
        gate_s=gate_s,
        regression=low_s > gate_s,
    )


def depth_of(n: int, m: int, confidence: float = 0.95) -> int:
    """How far in from either end of the ordered differences the exact interval begins."""
    counts = _mann_whitney_counts(n, m)
    total = math.comb(n + m, n)
    below, depth = 0, 0
    for count in counts:
        if below + count > (1 - confidence) / 2 * total:
            break
        below += count
        depth += 1
    return max(1, depth)


def _mann_whitney_counts(n: int, m: int) -> list[int]:
    """In how many of the arrangements of n and m values U is 0, 1, 2, ..."""
    counts = [1] + [0] * (n * m)
    for i in range(1, n + 1):
        for total in range(n * m, m + i - 1, -1):
            counts[total] -= counts[total - m - i]
        for total in range(i, n * m + 1):
            counts[total] += counts[total - i]
    return counts


def _median(ordered: Sequence[float]) -> float:
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
