"""Before, during and after: the same numbers of three stretches of every trial, taken together.

Before is the baseline; during is from the fault taking effect until service, and full strength where
it was lost, were back, or the fault was lifted; after is the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chaoskit.model.journal import TrialRecord
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import NS, Outcome, Timeline
from chaoskit.reporters.wording import UNKNOWN

HEADS = (
    "",
    "Time",
    "Asked",
    "Failed",
    "Share",
    "Unknown",
    "Good a second",
    "Median",
    "p95",
    "p99",
    "Slowest",
)
_QUANTILES = (0.5, 0.95, 0.99, 1.0)


@dataclass(kw_only=True)
class Stretch:
    """What was asked in one stretch, of all trials added up."""

    seconds: float = 0.0
    asked: int = 0
    bad: int = 0
    unknown: int = 0
    took_s: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The three stretches of one trial."""

    parts: tuple[Stretch, Stretch, Stretch]


def cut(timeline: Timeline, trial: TrialRecord) -> Cut | None:
    """A trial's stretches; None when no fault took effect."""
    if timeline.in_effect_ns is None or not len(timeline.samples):
        return None
    zero_ns = timeline.in_effect_ns
    fresh = timeline.samples[timeline.samples["track"] == 0]
    at_s = (fresh["due"] - zero_ns) / NS
    if not len(at_s):
        return None
    last_s = float(at_s[-1])
    end_s = min(_end_s(timeline, trial, zero_ns), last_s)
    edges = (float(at_s[0]), 0.0, end_s, last_s)
    place = np.digitize(at_s, [0.0, end_s])
    took_s = (fresh["done"] - fresh["due"]) / NS
    parts = []
    for i in range(3):
        mine = place == i
        outcome = fresh["outcome"][mine]
        parts.append(
            Stretch(
                seconds=max(edges[i + 1] - edges[i], 0.0),
                asked=len(outcome),
                bad=int(np.count_nonzero(outcome == Outcome.BAD)),
                unknown=int(np.count_nonzero(outcome == Outcome.UNKNOWN)),
                took_s=took_s[mine][outcome == Outcome.GOOD],
            )
        )
    return Cut(parts=(parts[0], parts[1], parts[2]))


def stretch_rows(cuts: Sequence[Cut]) -> tuple[tuple[str, ...], ...]:
    """Rows for HEADS; empty without a trial."""
    if not cuts:
        return ()
    whole = [_joined([one.parts[i] for one in cuts]) for i in range(3)]
    taken = [[_quantile(one, share) for share in _QUANTILES] for one in whole]
    rows = [
        (
            name,
            format_duration(one.seconds),
            f"{one.asked:,}",
            f"{one.bad:,}",
            _failed(one),
            f"{one.unknown:,}",
            _rate(one),
            *(UNKNOWN if v is None else format_duration(v) for v in values),
        )
        for name, one, values in zip(("Before", "During", "After"), whole, taken, strict=True)
    ]
    change = (
        "During, against before",
        *("",) * 3,
        _points(whole),
        "",
        _percent([_per_s(one) for one in whole]),
        *(_times(pair) for pair in zip(taken[0], taken[1], strict=True)),
    )
    return (*rows, change)


def _end_s(timeline: Timeline, trial: TrialRecord, zero_ns: int) -> float:
    """When the fault's time was over; the watch's end when something never came back."""
    watched = timeline.watch_end_ns
    watch_s = float("inf") if watched is None else (watched - zero_ns) / NS
    ends = []
    for name in ("recovery", "redundancy"):
        taken = trial.judgement.measured(name) if trial.judgement else None
        if taken is None or taken.low is None:
            continue
        ends.append(watch_s if taken.censored or taken.high is None else taken.high)
    if timeline.lifted_ns is not None:
        ends.append((timeline.lifted_ns - zero_ns) / NS)
    return max(ends, default=watch_s) or watch_s


def _joined(parts: Sequence[Stretch]) -> Stretch:
    return Stretch(
        seconds=sum(one.seconds for one in parts),
        asked=sum(one.asked for one in parts),
        bad=sum(one.bad for one in parts),
        unknown=sum(one.unknown for one in parts),
        took_s=np.concatenate([one.took_s for one in parts if one.took_s is not None]),
    )


def _quantile(part: Stretch, share: float) -> float | None:
    """Nearest rank, so that it is a latency that somebody had."""
    if part.took_s is None or not len(part.took_s):
        return None
    rank = max(int(np.ceil(share * len(part.took_s))), 1) - 1
    return float(np.partition(part.took_s, rank)[rank])


def _share(part: Stretch) -> float | None:
    told = part.asked - part.unknown
    return part.bad / told if told else None


def _failed(part: Stretch) -> str:
    share = _share(part)
    return UNKNOWN if share is None else f"{100 * share:.3g} %"


def _points(parts: Sequence[Stretch]) -> str:
    before, during = _share(parts[0]), _share(parts[1])
    if before is None or during is None:
        return UNKNOWN
    return f"{100 * (during - before):+.3g} points".replace("-", "−")


def _per_s(part: Stretch) -> float | None:
    good = part.asked - part.bad - part.unknown
    return good / part.seconds if part.seconds > 0 else None


def _rate(part: Stretch) -> str:
    rate = _per_s(part)
    return UNKNOWN if rate is None else f"{rate:.1f}"


def _percent(values: Sequence[float | None]) -> str:
    before, during = values[0], values[1]
    if not before or during is None:
        return UNKNOWN
    return f"{100 * (during / before - 1):+.0f} %".replace("-", "−")


def _times(values: Sequence[float | None]) -> str:
    before, during = values[0], values[1]
    return f"× {during / before:.3g}" if before and during is not None else UNKNOWN
