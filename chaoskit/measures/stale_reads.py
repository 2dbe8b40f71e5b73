"""Writes that were there, and for a while were not to be seen: a replica that lags, a split brain."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.quantities import format_duration

if TYPE_CHECKING:
    from chaoskit.measures.integrity import Integrity


class StaleReads(LedgerMeasure):
    """Acknowledged writes that a later read missed, although they were there in the end."""

    name = "stale_reads"
    unit = Unit.COUNT
    sense = Sense.AT_MOST
    title = "Stale reads"

    def of_ledger(self, integrity: "Integrity") -> Measured:
        """A count."""
        count, stalest_s = integrity.stale_values, integrity.stalest_s
        if count is None or stalest_s is None:
            return self.unknown("nothing was read while writing: ledger.read_every is not set")
        oldest = f"missed up to {format_duration(stalest_s)} after its acknowledgement"
        return self.interval(count, count, note=oldest if count else "")


MEASURE = StaleReads()
