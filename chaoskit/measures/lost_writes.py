"""How many writes the target acknowledged and then lost: a fast recovery of nothing is none."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.integrity import Integrity


class LostWrites(LedgerMeasure):
    """Writes that were acknowledged and are not there after the settling."""

    name = "lost_writes"
    unit = Unit.COUNT
    sense = Sense.AT_MOST
    title = "Lost writes"

    def of_ledger(self, integrity: "Integrity") -> Measured:
        """A count."""
        assert integrity.findings is not None, "LedgerMeasure has seen to it"
        lost, acked = len(integrity.findings.lost), len(integrity.acked)
        span = format_duration(integrity.lost_span_s)
        said = f"{lost:,} of {acked:,} acknowledged writes were lost, those of {span}"
        note = said if lost else ""
        return self.interval(lost, lost, note=note)


MEASURE = LostWrites()
