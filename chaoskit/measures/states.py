"""What users had of the service in each tenth of a second: up, degraded, down, or we cannot tell.

Bins are of intended times. A bin is up when at least 99 % of its known asks were good and quick, down
when at least half were bad, degraded in between, and unknown when half of its asks are not known.
Quick is within ten times the baseline's p99: a proxy that tries the next replica serves its users,
and slowly.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from chaoskit.measures.rounds import BAD, GOOD
from chaoskit.measures.series import Series
from chaoskit.model.marks import NS

SHORTEST_NS, LONGEST_NS = NS // 10, NS // 4
UP_SHARE = 0.99
DOWN_SHARE = 0.5
SLOW_FACTOR = 10.0
LEAST_SLOW_S = 0.01  # what a busy machine alone may cost

_ASKS_A_BIN = 5


class State(IntEnum):
    """Of one bin."""

    UNKNOWN = 0
    UP = 1
    DEGRADED = 2
    DOWN = 3


@dataclass(frozen=True, kw_only=True)
class Bins:
    """The watch in bins of equal width."""

    start_ns: int
    width_ns: int
    states: npt.NDArray[np.uint8]
    slow_s: float | None  # an answer that took longer was slow; None: the baseline tells nothing

    def seconds(self, state: State) -> float:
        """The time in a state."""
        return int((self.states == state).sum()) * self.width_ns / NS


def bins_of(series: Series) -> Bins:
    """The states from the effect to the watch's end; every probe's asks count alike."""
    width_ns = _width_ns(series.rounds.cadence_ns)
    start_ns = series.effect_ns or 0
    count = max(0, -(-(series.watch_end_ns - start_ns) // width_ns)) if series.effect_ns else 0
    slow_s = slow_above_s(series)
    asks = series.asks
    place = np.clip((asks["due"] - start_ns) // width_ns, 0, max(0, count - 1))
    good, bad = asks["outcome"] == GOOD, asks["outcome"] == BAD
    if slow_s is not None:
        quick = good & (asks["done"] - asks["due"] <= round(slow_s * NS))
    else:
        quick = good

    def counted(which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(place[which], minlength=count)[:count]

    known, fine, failed = counted(good | bad), counted(quick), counted(bad)
    asked = counted(np.ones(len(asks), dtype=bool))
    states = np.full(count, State.DEGRADED, dtype=np.uint8)
    states[fine >= UP_SHARE * known] = State.UP
    states[failed >= DOWN_SHARE * np.maximum(known, 1)] = State.DOWN
    states[(2 * known < asked) | (known == 0)] = State.UNKNOWN
    return Bins(start_ns=start_ns, width_ns=width_ns, states=states, slow_s=slow_s)


def slow_above_s(series: Series) -> float | None:
    """Ten times the p99 of the baseline's good answers, and at least 10 ms; None without any."""
    samples = series.timeline.samples
    if series.ordered_ns is None:
        return None
    before = (samples["done"] <= series.ordered_ns) & (samples["outcome"] == GOOD)
    before &= samples["track"] == 0
    if not bool(before.any()):
        return None
    took = samples["done"][before] - samples["due"][before]
    p99_s = float(np.percentile(took, 99, method="higher")) / NS
    return max(LEAST_SLOW_S, SLOW_FACTOR * p99_s)


def _width_ns(cadence_ns: int) -> int:
    """Whole periods, five of them where that is between 100 and 250 ms; at least one."""
    wanted = min(max(_ASKS_A_BIN * cadence_ns, SHORTEST_NS), LONGEST_NS)
    return max(1, round(wanted / cadence_ns)) * cadence_ns
