"""Recoveries that were not seen to end: counted as "longer than", never dropped, never averaged."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, kw_only=True)
class Times:
    """Recovery times in seconds; `beyond` holds how long those were watched that never ended."""

    seen: Sequence[float] = ()
    beyond: Sequence[float] = ()

    def __len__(self) -> int:
        return len(self.seen) + len(self.beyond)


@dataclass(frozen=True, kw_only=True)
class Survival:
    """The share not recovered yet, after each time (Kaplan-Meier), with a 95 % band."""

    times_s: tuple[float, ...]
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def survival(times: Times, confidence: float = 0.95) -> Survival:
    """The Kaplan-Meier curve. Raises ValueError without any time.

    Where all or none had recovered the band is not defined: nan.
    """
    if not len(times):
        message = "no times"
        raise ValueError(message)
    curve = stats.ecdf(_data(times)).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The confidence interval is undefined")
        band = curve.confidence_interval(confidence, method="log-log")
    return Survival(
        times_s=tuple(map(float, curve.quantiles)),
        share=tuple(map(float, curve.probabilities)),
        low=tuple(map(float, band.low.probabilities)),
        high=tuple(map(float, band.high.probabilities)),
    )


def median_s(times: Times) -> float | None:
    """The time by which half had recovered; None when less than half did."""
    if not len(times):
        return None
    curve = stats.ecdf(_data(times)).sf
    pairs = zip(map(float, curve.quantiles), curve.probabilities, strict=True)
    return next((at_s for at_s, share in pairs if share <= 0.5 + 1e-12), None)


@dataclass(frozen=True, kw_only=True)
class LogRank:
    """Whether one series recovers slower than another."""

    statistic: float
    p_slower: float  # one-sided: the candidate is slower
    p_different: float


def log_rank(baseline: Times, candidate: Times) -> LogRank:
    """Compare two series, censored times included. Raises ValueError when either is empty."""
    if not len(baseline) or not len(candidate):
        message = "both series need at least one time"
        raise ValueError(message)
    x, y = _data(baseline), _data(candidate)
    slower = stats.logrank(x, y, alternative="greater")
    both = stats.logrank(x, y)
    return LogRank(
        statistic=float(slower.statistic),
        p_slower=float(slower.pvalue),
        p_different=float(both.pvalue),
    )


def _data(times: Times) -> stats.CensoredData:
    return stats.CensoredData(uncensored=list(times.seen), right=list(times.beyond))
