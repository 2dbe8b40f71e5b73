"""How long until users were served again, for good. The measure that most budgets are about."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Recovery(Measure):
    """From the effect to the first stretch of `stable` good asks after which none was bad.

    The service came back somewhere between the intended time of the last bad ask and the end of the
    first good one. 0 when users saw nothing. A stretch that began during the watch of a struck fault
    may be completed after it; for a held fault all of it lies before the lift.
    """

    name = "recovery"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Recovery"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        if not len(series.bad_alone):
            return self.interval(0, 0, resolution=series.resolution_s, note="users saw nothing")
        after = int(series.bad_alone[-1]) + 1
        held = series.lifted_ns is not None
        good = series.stable_from(after, series.alone_until_ns if held else series.end_ns)
        if good is not None and series.rounds.due[good] <= series.watch_end_ns:
            return self._came_back(series, good, after_lift=False, note=_flaps(series))
        if held and (good := series.stable_from(after, series.end_ns)) is not None:
            note = "only after the fault had been lifted"
            return self._came_back(series, good, after_lift=True, note=note)
        return self.censored(
            series.watched_s,
            resolution=series.resolution_s,
            note=f"not seen within {format_duration(series.watched_s)}",
        )

    def _came_back(self, series: "Series", good: int, *, after_lift: bool, note: str) -> Measured:
        low, _ = series.ask_s(series.rounds.asked[series.last_bad_before(good)])
        _, high = series.ask_s(series.rounds.done[good])
        return self.interval(
            low,
            max(low, high),
            after_lift=after_lift,
            resolution=series.resolution_s,
            note=note,
        )


def _flaps(series: "Series") -> str:
    """How often it went bad again after it had been good, when it did."""
    bad = series.bad_alone
    again = int(((bad[1:] - bad[:-1]) > 1).sum())
    return f"bad again {again} time{'s' if again > 1 else ''} before that" if again else ""


MEASURE = Recovery()
