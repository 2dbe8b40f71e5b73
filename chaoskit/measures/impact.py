"""How long the fault went unseen by users."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Impact(Measure):
    """From the effect to the intended time of the first bad ask; later is better.

    It began somewhere after the ask before that one was due. Censored when no ask was bad.
    """

    name = "impact"
    unit = Unit.SECONDS
    sense = Sense.AT_LEAST
    title = "Time to impact"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        if not series.impact:
            note = f"users saw nothing within {format_duration(series.watched_s)}"
            return self.censored(series.watched_s, resolution=series.resolution_s, note=note)
        first = int(series.bad[0])
        asked = int(series.rounds.asked[first])
        _, high = series.ask_s(asked)
        low, _ = series.ask_s(asked - series.rounds.cadence_ns)
        return self.interval(low, high, resolution=series.resolution_s)


MEASURE = Impact()
