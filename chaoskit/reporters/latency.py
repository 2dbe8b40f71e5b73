"""Answers per stretch of time: how many, how many failed, and how long the good ones took.

A latency counts from the intended time of an ask, so that a stalled target is seen for as long as
it stalled. Quantiles are of good answers only; a failure has no latency, it is drawn as a failure.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chaoskit.model.timeline import NS, Outcome, Samples

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_PER_BUCKET = 10  # enough answers for a median; a 99th percentile of few is their maximum
_ROUND_STEPS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0)


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Equal stretches of time; where nothing was good the quantiles are NaN."""

    start_s: float  # of the first bucket, from the effect
    width_s: float
    asked: Counts
    bad: Counts
    unknown: Counts
    p50_s: Floats
    p99_s: Floats
    peak_s: Floats


def drawn_buckets(samples: Samples, zero_ns: int, span: tuple[float, float]) -> Buckets:
    """Buckets narrow enough to draw: at least ten asks each, at most 140 of them."""
    low_s, high_s = span
    at_s = (samples["due"] - zero_ns) / NS
    samples = samples[(at_s >= low_s) & (at_s <= high_s)]
    count = int(np.clip(len(samples) // _PER_BUCKET, 20, 140))
    return buckets(samples, zero_ns, low_s, (high_s - low_s) / count, count)


def listed_buckets(samples: Samples, zero_ns: int, span: tuple[float, float]) -> Buckets:
    """Buckets round enough to list: at most 40 or so, zero between two of them."""
    low_s, high_s = span
    whole = high_s - low_s
    width_s = next((one for one in _ROUND_STEPS_S if whole / one <= 40), _ROUND_STEPS_S[-1])
    first = int(np.floor(low_s / width_s))
    count = max(int(np.ceil(high_s / width_s)) - first, 1)
    return buckets(samples, zero_ns, first * width_s, width_s, count)


def buckets(samples: Samples, zero_ns: int, start_s: float, width_s: float, count: int) -> Buckets:
    """`count` buckets of `width_s` from `start_s`; a sample at the very end is in the last one."""
    at_s = (samples["due"] - zero_ns) / NS
    place = np.clip(np.floor((at_s - start_s) / width_s), 0, count - 1).astype(np.int64)
    outcome = samples["outcome"]
    good = outcome == Outcome.GOOD
    took_s = (samples["done"] - samples["due"]) / NS
    p50_s, p99_s, peak_s = _quantiles(place[good], took_s[good], count)
    return Buckets(
        start_s=start_s,
        width_s=width_s,
        asked=np.bincount(place, minlength=count),
        bad=np.bincount(place[outcome == Outcome.BAD], minlength=count),
        unknown=np.bincount(place[outcome == Outcome.UNKNOWN], minlength=count),
        p50_s=p50_s,
        p99_s=p99_s,
        peak_s=peak_s,
    )


def _quantiles(
    place: Counts, took_s: npt.NDArray[np.floating], count: int
) -> tuple[Floats, Floats, Floats]:
    """The 50th and 99th percentile (nearest rank) and the maximum of every bucket."""
    order = np.lexsort((took_s, place))
    sorted_s = took_s[order]
    sizes = np.bincount(place, minlength=count)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    some = sizes > 0
    found = []
    for quantile in (0.5, 0.99, 1.0):
        values = np.full(count, np.nan)
        rank = np.maximum(np.ceil(quantile * sizes).astype(np.int64), 1) - 1
        values[some] = sorted_s[(starts + rank)[some]]
        found.append(values)
    return found[0], found[1], found[2]
