"""Binomial tails with nothing but `math`: exact enough to decide, quick enough to import.

scipy.stats takes most of a second to import; a verdict over a few trials needs only these sums.
Terms are computed through logarithms, so that thousands of trials do not overflow.
"""

import math
from collections.abc import Callable


def at_most(successes: int, trials: int, p: float) -> float:
    """P(X ≤ successes) for X ~ Binomial(trials, p)."""
    if successes < 0:
        return 0.0
    if successes >= trials:
        return 1.0
    if 2 * successes > trials:  # sum the shorter tail
        return max(0.0, 1.0 - _sum(successes + 1, trials, trials, p))
    return _sum(0, successes, trials, p)


def at_least(successes: int, trials: int, p: float) -> float:
    """P(X ≥ successes) for X ~ Binomial(trials, p)."""
    return at_most(trials - successes, trials, 1.0 - p)


def bisect(rises: Callable[[float], float], target: float) -> float:
    """Where in [0, 1] a rising function reaches `target`, to the last bit that matters."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if rises(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _sum(first: int, last: int, trials: int, p: float) -> float:
    return math.fsum(_term(k, trials, p) for k in range(first, last + 1))


def _term(k: int, n: int, p: float) -> float:
    if p <= 0.0 or p >= 1.0:
        return 1.0 if k == (n if p >= 1.0 else 0) else 0.0
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(choose + k * math.log(p) + (n - k) * math.log1p(-p))
