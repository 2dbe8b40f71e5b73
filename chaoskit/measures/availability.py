"""Which share of users was served."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.marks import NS
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.outcomes import Outcome
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Availability(Measure):
    """The share of good asks over the watch, as long as the experiment declares it.

    A watch that ended early because the service was good again stands for its whole declared length:
    a system must not score worse for being watched for a shorter time. Unknown asks may all have
    been bad or all good: they make it an interval.
    """

    name = "availability"
    unit = Unit.RATIO
    sense = Sense.AT_LEAST
    title = "Availability"

    def of_watch(self, series: "Series") -> Measured:
        """Good asks as a share of all, 0 to 1."""
        outcome = series.asks["outcome"]
        good, bad = int((outcome == Outcome.GOOD).sum()), int((outcome == Outcome.BAD).sum())
        unknown = len(outcome) - good - bad
        unwatched, note = self._unwatched(series, len(outcome))
        total = len(outcome) + unwatched
        return self.interval(
            (good + unwatched) / total,
            (good + unwatched + unknown) / total,
            resolution=1 / total,
            note=note,
        )

    def _unwatched(self, series: "Series", asked: int) -> tuple[float, str]:
        """Asks that were not made because the watch ended early and well, and a note about them."""
        watched_s = series.since_effect_s(series.watch_end_ns)
        declared_s = series.timeline.watch_ns / NS
        if not 0 < watched_s < declared_s or not series.ended_stable:
            return 0.0, ""
        note = (
            f"watched for {format_duration(watched_s)} of {format_duration(declared_s)}, "
            "until stable; the rest counts as good"
        )
        return asked * (declared_s / watched_s - 1), note


MEASURE = Availability()
