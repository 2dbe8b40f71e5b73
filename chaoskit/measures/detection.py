"""How long until any healer noticed."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Detection(Measure):
    """From the effect to the first sign that a healer noticed, to its witness's resolution."""

    name = "detection"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Detection"
    needs_asks = False

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        detected = series.marks_of(MarkKind.DETECTED)
        if not detected:
            note = f"no healer noticed within {format_duration(series.watched_s)}"
            return self.censored(series.watched_s, note=note)
        first = detected[0]
        return self.interval(
            min(series.since_effect_s(mark.at_ns - mark.resolution_ns) for mark in detected),
            series.since_effect_s(first.at_ns),
            resolution=first.resolution_ns / NS / 2,
            note=f"by {first.source}" if first.source else "",
        )


MEASURE = Detection()
