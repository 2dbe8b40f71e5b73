"""How long users were not served at a stretch: retries bridge short gaps, not long ones."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.measures.outage import bounds_s, runs_of_bad
from chaoskit.model.marks import NS
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class LongestOutage(Measure):
    """The longest time during the watch in which every ask was bad."""

    name = "longest_outage"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Longest outage"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        runs = runs_of_bad(series)
        longest = max(runs, default=0)
        low, high = bounds_s([longest] if longest else [], series)
        if series.ends_bad and runs[-1] == longest:
            return self.censored(low, resolution=series.resolution_s, note="not over when watched")
        high += series.unknown_rounds * series.rounds.period_ns / NS
        return self.interval(low, high, resolution=series.resolution_s)


MEASURE = LongestOutage()
