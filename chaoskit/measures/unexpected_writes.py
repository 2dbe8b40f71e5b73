"""Values that cannot be there and are: refused and done all the same, or made up."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.integrity import Integrity


class UnexpectedWrites(LedgerMeasure):
    """Values read back that were refused, or never written."""

    name = "unexpected_writes"
    unit = Unit.COUNT
    sense = Sense.AT_MOST
    title = "Unexpected writes"

    def of_ledger(self, integrity: "Integrity") -> Measured:
        """A count."""
        assert integrity.findings is not None, "LedgerMeasure has seen to it"
        count = len(integrity.findings.unexpected)
        return self.interval(count, count)


MEASURE = UnexpectedWrites()
