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
    Unknown when it was not there before the fault and nothing more was lost, and when for a while
    nobody could count: what was lost then was seen by nobody.
    """

    name = "redundancy"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Full strength"
    needs_asks = False

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        begin, end = series.ordered_ns or 0, series.watch_end_ns
        counts = list(strength_after(series.timeline.of(MarkKind.REDUNDANCY)))
        if why := _uncounted(counts, begin, end):
            return self.unknown(why)
        after = [one for one in counts if one[0].at_ns >= begin]
        watched = [one for one in after if one[0].at_ns <= end]
        lost = [i for i, (_, weak) in enumerate(watched) if weak]
        if not lost:
            return self._not_lost(
                next((weak for one, weak in reversed(counts) if one.at_ns < begin), ())
            )
        lifted = series.lifted_ns
        back = after[lost[-1] + 1][0] if len(after) > lost[-1] + 1 else None
        if back is None or (back.at_ns > end and (lifted is None or after[lost[-1] + 1][1])):
            return self._not_back(series, *watched[-1])
        return self._back(series, back, after_lift=lifted is not None and back.at_ns > lifted)

    def _not_lost(self, weak_before: tuple[str, ...]) -> Measured:
        if weak_before:
            return self.unknown(f"not at full strength before the fault: {', '.join(weak_before)}")
        return self.interval(0, 0, note="strength was never seen lost")

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


def _uncounted(counts: list[tuple[Mark, tuple[str, ...]]], begin: int, end: int) -> str:
    """Why strength is not known all through the watch; empty when it is."""
    if not counts:
        return "nobody counted the instances in service"
    latest: dict[str, Mark] = {}  # of each service, when the watch began
    later: list[Mark] = []
    for mark, _ in counts:
        if mark.at_ns < begin:
            latest[mark.service] = mark
        elif mark.at_ns <= end:
            later.append(mark)
    deaf = [one.service for one in (*latest.values(), *later) if one.data.get("silent")]
    return f"for a while nobody could count {', '.join(dict.fromkeys(deaf))}" if deaf else ""


MEASURE = Redundancy()
