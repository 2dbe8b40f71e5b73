"""How long users were served badly: slowly, or not all of them."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.model.marks import NS
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.series import Series
    from chaoskit.measures.states import Bins


class Degraded(Measure):
    """The time in which the service was neither up nor down: some asks bad, or answers slow.

    In bins of a tenth of a second or so. A bin beside one that was down may be its edge and no more:
    it counts for the upper end only, and so do unknown bins.
    """

    name = "degraded"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Degraded"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        from chaoskit.measures.states import State, bins_of  # noqa: PLC0415  # brings numpy

        bins = bins_of(series)
        width_s = bins.width_ns / NS
        edges = _edges(bins)
        high = bins.seconds(State.DEGRADED) + bins.seconds(State.UNKNOWN)
        low = max(0.0, bins.seconds(State.DEGRADED) - edges * width_s)
        note = ""
        if bins.slow_s is not None:
            note = f"slow is above {format_duration(bins.slow_s)}, ten times the baseline's p99"
        return self.interval(low, high, resolution=width_s / 2, note=note)


def _edges(bins: "Bins") -> int:
    """Degraded bins beside one that was down."""
    from chaoskit.measures.states import State  # noqa: PLC0415

    down, degraded = bins.states == State.DOWN, bins.states == State.DEGRADED
    beside = down.copy()
    beside[1:] |= down[:-1]
    beside[:-1] |= down[1:]
    return int((degraded & beside).sum())


MEASURE = Degraded()
