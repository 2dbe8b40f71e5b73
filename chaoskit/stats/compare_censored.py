"""Comparing builds when a recovery was not seen to end: the log-rank test, and how large it must be.

The shift keeps its interval: a pair of times of which one is only known to be "longer than" has a
difference between two bounds, and the ordered lower bounds bound the shift from below, the ordered
upper ones from above. Nothing is assumed about how long the unseen ends would have taken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chaoskit.stats.censored import Times, log_rank, median_s
from chaoskit.stats.compare import GATE_S, GATE_SHARE, LEAST_PER_ARM, depth_of


@dataclass(frozen=True, kw_only=True)
class CensoredComparison:
    """A candidate against a baseline, in seconds; None is "no bound is known"."""

    p_slower: float  # one-sided
    p_faster: float
    p_different: float
    shift_s: float | None  # between the medians
    low_s: float | None  # of the shift's interval of at least 95 %
    high_s: float | None
    gate_s: float


def compare_censored(
    baseline: Times, candidate: Times, *, period_s: float = 0.0
) -> CensoredComparison | None:
    """Compare times of which some were not seen to end; None with fewer than four an arm."""
    if min(len(baseline), len(candidate)) < LEAST_PER_ARM:
        return None
    before, after = median_s(baseline), median_s(candidate)
    depth = depth_of(len(baseline), len(candidate))
    lows, highs = _pairs(baseline, candidate)
    typical_s = max(baseline.beyond, default=0.0) if before is None else before
    slower, faster, different = _p_values(baseline, candidate)
    return CensoredComparison(
        p_slower=slower,
        p_faster=faster,
        p_different=different,
        shift_s=None if before is None or after is None else after - before,
        low_s=_finite(lows[depth - 1]),
        high_s=_finite(highs[-depth]),
        gate_s=max(GATE_SHARE * typical_s, 2 * period_s, GATE_S),
    )


def _p_values(baseline: Times, candidate: Times) -> tuple[float, float, float]:
    """Slower, faster, different; 1 where no end was seen while both were watched."""
    if not baseline.seen and not candidate.seen:
        return 1.0, 1.0, 1.0
    with np.errstate(all="ignore"):
        forth, back = log_rank(baseline, candidate), log_rank(candidate, baseline)
    found = forth.p_slower, back.p_slower, forth.p_different
    return found if all(map(math.isfinite, found)) else (1.0, 1.0, 1.0)


def _pairs(baseline: Times, candidate: Times) -> tuple[list[float], list[float]]:
    """The ordered least and the ordered greatest difference of every pair."""
    first, second = _bounds(baseline), _bounds(candidate)
    lows = sorted(low - x_high for low, _ in second for _, x_high in first)
    highs = sorted(high - x_low for _, high in second for x_low, _ in first)
    return lows, highs


def _bounds(times: Times) -> Sequence[tuple[float, float]]:
    ended = [(one, one) for one in times.seen]
    return [*ended, *((one, math.inf) for one in times.beyond)]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
