"""How much of the past is gone, in seconds: what is called the achieved recovery point."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.integrity import Integrity


class LostSpan(LedgerMeasure):
    """From the first to the last acknowledgement of a lost write; 0 when none was lost."""

    name = "lost_span"
    unit = Unit.SECONDS
    sense = Sense.AT_MOST
    title = "Seconds of writes lost"

    def of_ledger(self, integrity: "Integrity") -> Measured:
        """Seconds. The gap to the neighbours that were kept is up to a period at each end."""
        assert integrity.findings is not None, "LedgerMeasure has seen to it"
        if not integrity.findings.lost:
            return self.interval(0, 0)
        span_s, period_s = integrity.lost_span_s, 1 / integrity.log.rate_hz
        return self.interval(span_s, span_s + 2 * period_s, resolution=period_s)


MEASURE = LostSpan()
