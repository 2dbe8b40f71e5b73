"""How long until one user was served again: the optimist's recovery."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class FirstGood(Measure):
    """From the effect to the first good ask after the first bad one; 0 when users saw nothing."""

    name = "first_good"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "First good ask"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        resolution = series.resolution_s
        if not series.impact:
            return self.interval(0, 0, resolution=resolution, note="users saw nothing")
        good = series.first_good_after(int(series.bad[0]))
        if good is None:
            note = f"not seen within {format_duration(series.watched_s)}"
            return self.censored(series.watched_s, resolution=resolution, note=note)
        done = int(series.rounds.done[good])
        low, _ = series.ask_s(series.rounds.asked[series.last_bad_before(good)])
        latest_ns = done + series.timeline.clock_error_ns
        return self.interval(
            low,
            max(low, series.since_effect_s(latest_ns)),
            after_lift=series.lifted_ns is not None and latest_ns > series.lifted_ns,
            resolution=resolution,
        )


MEASURE = FirstGood()
