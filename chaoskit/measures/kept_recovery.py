"""How long until users who keep their connections were served again."""

from dataclasses import replace
from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.measures.recovery import MEASURE as RECOVERY
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class KeptRecovery(Measure):
    """The recovery as seen over connections that were there before the fault.

    Defined as `recovery`, over the asks of the kept track (`probing: {tracks: [fresh, kept]}`).
    """

    name = "kept_recovery"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Recovery, kept connections"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds."""
        kept = series.kept
        if kept is None:
            return self.unknown("no kept connection was asked over")
        return replace(RECOVERY.of(kept), measure=self.name)


MEASURE = KeptRecovery()
