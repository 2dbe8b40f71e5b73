"""Whether trials are independent: no drift from one to the next, no lock to a healer's timer."""

from collections.abc import Sequence

from scipy import stats

SUSPICIOUS_P = 0.01
LEAST = 5  # with fewer trials, nothing can be told


def trend_p(values: Sequence[float]) -> float | None:
    """How probable so clear a trend over the trials is by chance (Spearman); None: cannot tell.

    A healer's back-off that is carried from trial to trial shows here.
    """
    if len(values) < LEAST or len(set(values)) == 1:
        return None
    return float(stats.spearmanr(range(len(values)), values).pvalue)


def phase_p(values: Sequence[float], low: float, high: float) -> float | None:
    """How probable such detection times are if the fault's phase is random (Kolmogorov-Smirnov).

    They should be uniform over [low, high], the healer's best and worst; trials that are locked to
    its timer are not. None: cannot tell.
    """
    if len(values) < LEAST or not low < high:
        return None
    return float(stats.kstest(values, stats.uniform(loc=low, scale=high - low).cdf).pvalue)


def problem(values: Sequence[float]) -> str:
    """What is wrong with a series, for people; empty when nothing was found."""
    p = trend_p(values)
    if p is None or p >= SUSPICIOUS_P:
        return ""
    return f"the trials drift (Spearman p = {p:.2g}): each one changed the next"
