"""How long until full strength: users feel recovery, the next fault feels this."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.measures.strength import strength_after
from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Redundancy(Measure):
    """From the effect to every declared service back at full strength, for the rest of the watch.

    0 when strength was never seen lost; the note says so, since a witness may not see every loss.
    """

    name = "redundancy"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Full strength"
    needs_asks = False

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        marks = series.timeline.of(MarkKind.REDUNDANCY)
        if not marks:
            return self.unknown("nobody counted the instances in service")
        begin, end = series.ordered_ns or 0, series.watch_end_ns
        after = [one for one in strength_after(marks) if one[0].at_ns >= begin]
        watched = [one for one in after if one[0].at_ns <= end]
        lost = [i for i, (_, weak) in enumerate(watched) if weak]
        if not lost:
            return self.interval(0, 0, note="strength was never seen lost")
        lifted = series.lifted_ns
        back = after[lost[-1] + 1][0] if len(after) > lost[-1] + 1 else None
        if back is None or (back.at_ns > end and (lifted is None or after[lost[-1] + 1][1])):
            return self._not_back(series, *watched[-1])
        return self._back(series, back, after_lift=lifted is not None and back.at_ns > lifted)

    def _not_back(self, series: "Series", last: Mark, weak: tuple[str, ...]) -> Measured:
        note = f"not back within {format_duration(series.watched_s)}: {', '.join(weak)}"
        return self.censored(series.watched_s, resolution=last.resolution_ns / NS / 2, note=note)

    def _back(self, series: "Series", mark: Mark, *, after_lift: bool) -> Measured:
        return self.interval(
            series.since_effect_s(mark.at_ns - mark.resolution_ns),
            series.since_effect_s(mark.at_ns),
            after_lift=after_lift,
            resolution=mark.resolution_ns / NS / 2,
            note="only after the fault had been lifted" if after_lift else "",
        )


MEASURE = Redundancy()
