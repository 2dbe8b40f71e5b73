"""How long users were not served, all in all."""

from itertools import pairwise
from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.marks import NS
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Outage(Measure):
    """The total time in which asks were bad during the watch: k bad asks are k periods.

    The phase of the probe against the fault is random, so k·T is unbiased; one outage of k bad asks
    lasted between (k−1)·T and (k+1)·T. Unknown asks may all have been bad: they raise the upper end.
    """

    name = "outage"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Outage"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        period_s = series.rounds.period_ns / NS
        low, high = bounds_s(runs_of_bad(series), series)
        high += series.unknown_rounds * period_s
        if series.ends_bad:
            return self.censored(low, resolution=series.resolution_s, note="not over when watched")
        note = ""
        if not series.impact:
            note = "no ask was bad; what is shorter than a period can fall between two asks"
        return self.interval(low, high, resolution=series.resolution_s, note=note)


def runs_of_bad(series: "Series") -> list[int]:
    """The lengths, in rounds, of the stretches of bad rounds without another between."""
    lengths: list[int] = []
    if not series.impact:
        return lengths
    breaks = (series.bad[1:] - series.bad[:-1] > 1).nonzero()[0] + 1
    edges = [0, *breaks.tolist(), len(series.bad)]
    return [end - begin for begin, end in pairwise(edges)]


def bounds_s(runs: list[int], series: "Series") -> tuple[float, float]:
    """The least and the most time that stretches of so many bad rounds can have lasted."""
    period_s, cadence_s = series.rounds.period_ns / NS, series.rounds.cadence_ns / NS
    low = sum(max(0.0, run * period_s - cadence_s) for run in runs)
    high = sum(run * period_s + cadence_s for run in runs)
    return low, min(high, max(low, series.since_effect_s(series.watch_end_ns) + cadence_s))


MEASURE = Outage()
