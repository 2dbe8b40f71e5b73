"""How late in the worst cases: an upper bound on a quantile that assumes no distribution.

Of n values in order, the r-th is above the p-quantile unless at least r of them fell below it, so
P(X₍ᵣ₎ ≥ Qₚ) = P(Bin(n, p) ≤ r − 1). The bootstrap cannot do this for the tail: at n = 30 its nominal
95 % bound on p90 really covers 80 to 87 %.
"""

import math
from collections.abc import Sequence

from chaoskit.stats.binomial import at_most

# Decides ties such as 0.9**22 ≤ 0.1 as exact arithmetic would.
_DUST = 1e-12


def coverage(trials: int, quantile: float, rank: int) -> float:
    """The confidence with which the `rank`-th smallest of so many values bounds the quantile."""
    return at_most(rank - 1, trials, quantile)


def rank(trials: int, quantile: float, confidence: float = 0.95) -> int | None:
    """Which value in order (1 is the smallest) is the upper bound; None: too few trials."""
    found = (r for r in range(1, trials + 1) if coverage(trials, quantile, r) >= confidence - _DUST)
    return next(found, None)


def upper_bound(values: Sequence[float], quantile: float, confidence: float = 0.95) -> float | None:
    """A value that the quantile stays below with this confidence; None: too few trials.

    A censored value is `math.inf`; when the bound is that, nothing bounds the quantile.
    """
    found = rank(len(values), quantile, confidence)
    return None if found is None else sorted(values)[found - 1]


def trials_needed(quantile: float, confidence: float = 0.95, misses: int = 0) -> int:
    """The fewest trials of which so many may miss, and the claim still holds."""
    if not 0 < quantile < 1 or not 0 < confidence < 1:
        message = (
            f"no number of trials proves a quantile of {quantile} with {confidence} confidence"
        )
        raise ValueError(message)
    trials = max(misses + 1, math.ceil(math.log1p(-confidence) / math.log(quantile) - _DUST))
    while coverage(trials, quantile, trials - misses) < confidence - _DUST:
        trials += 1
    return trials
