"""How long the repair took, once everybody who took part in it had noticed."""

from dataclasses import replace
from typing import TYPE_CHECKING

from chaoskit.measures.base import Measure
from chaoskit.measures.recovery import MEASURE as RECOVERY
from chaoskit.model.marks import MarkKind
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.series import Series


class Repair(Measure):
    """The rest of the recovery once the last healer had noticed; 0 when users saw nothing.

    Of several healers the one counts that was the last to notice before the service was back, since
    what an early one could mend it had mended by then. With `recovery` it gives both readings of a
    failed deployment's recovery time: with detection, and without.
    """

    name = "repair"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Repair, once noticed"

    def of_watch(self, series: "Series") -> Measured:
        """Seconds; when nobody was seen to notice, anything up to the whole recovery."""
        recovery = replace(RECOVERY.of_watch(series), measure=self.name)
        if recovery.low is None or not series.impact:
            return recovery
        noticed: dict[str, tuple[float, float]] = {}
        for mark in series.marks_of(MarkKind.DETECTED):
            early_s = series.since_effect_s(mark.at_ns - mark.resolution_ns)
            noticed.setdefault(mark.source, (early_s, series.since_effect_s(mark.at_ns)))
        back_s = recovery.low if recovery.high is None else recovery.high
        before = [(late, early, who) for who, (early, late) in noticed.items() if late <= back_s]
        if not before:
            return replace(recovery, low=0.0, note="no healer was seen to notice before")
        late_s, early_s, who = max(before)
        return replace(
            recovery,
            low=max(0.0, recovery.low - late_s),
            high=None if recovery.high is None else recovery.high - early_s,
            note="; ".join(filter(None, (f"after {who} had noticed", recovery.note))),
        )


MEASURE = Repair()
