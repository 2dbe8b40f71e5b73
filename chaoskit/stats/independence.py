"""Whether trials are independent: no drift from one to the next, no lock to a healer's timer.

scipy is imported when there is something to test: most judgements have too few trials for it.
"""

from collections.abc import Sequence
from statistics import median, pstdev

SUSPICIOUS_P = 0.01
LEAST = 8  # with fewer trials, nothing can be told

# A drift that is smaller is one that no budget is about: machines and engines age by a few per cent
# over a series, and a back-off that is carried along doubles.
_WORTH_SHARE = 0.10
_WORTH_S = 0.2


def trend_p(values: Sequence[float]) -> float | None:
    """How probable so clear a trend over the trials is by chance (Spearman); None: cannot tell.

    A healer's back-off that is carried from trial to trial shows here.
    """
    if len(values) < LEAST or len(set(values)) == 1:
        return None
    from scipy import stats  # noqa: PLC0415

    return float(stats.spearmanr(range(len(values)), values).pvalue)


def phase_p(values: Sequence[float], low: float, high: float) -> float | None:
    """How probable such detection times are if the fault's phase is random (Kolmogorov-Smirnov).

    They should be uniform over [low, high], the healer's best and worst; trials that are locked to
    its timer are not. None: cannot tell.
    """
    if len(values) < LEAST or not low < high:
        return None
    from scipy import stats  # noqa: PLC0415

    return float(stats.kstest(values, stats.uniform(loc=low, scale=high - low).cdf).pvalue)


def trend(values: Sequence[float], *, least: float = 0.0) -> str:
    """What a drift over the trials is, for people; empty when none was found.

    One that moves the median by less than `least` from the first half to the second does not count.
    """
    p = trend_p(values)
    if p is None or p >= SUSPICIOUS_P:
        return ""
    half = len(values) // 2
    if abs(median(values[half:]) - median(values[:half])) < least:
        return ""
    return f"the trials drift (Spearman p = {p:.2g}): each one changed the next"


def worth_s(times_s: Sequence[float], period_s: float) -> float:
    """The least drift of such times that matters: a tenth, two periods of the probes, or 0.2 s."""
    return max(_WORTH_SHARE * median(times_s), 2 * period_s, _WORTH_S)


def lock(values: Sequence[float], low: float, high: float) -> str:
    """What a lock to a healer's timer is, for people; empty when none was found.

    Being late as a whole is not a lock (efficiency says how late), and being spread wider than the
    timer is noise: only values that crowd together within its period are.
    """
    late = max(0.0, median(values) - (low + high) / 2) if values else 0.0
    p = phase_p(values, low + late, high + late)
    if p is None or p >= SUSPICIOUS_P or pstdev(values) >= (high - low) / 12**0.5:
        return ""
    return f"the faults were locked to its timer (Kolmogorov-Smirnov p = {p:.2g})"
