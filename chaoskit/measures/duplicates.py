"""How often the target did twice what it was given once."""

from typing import TYPE_CHECKING

from chaoskit.measures.base import LedgerMeasure
from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.integrity import Integrity


class Duplicates(LedgerMeasure):
    """Copies too many of the values that were read back."""

    name = "duplicates"
    unit = Unit.COUNT
    sense = Sense.AT_MOST
    title = "Duplicates"

    def of_ledger(self, integrity: "Integrity") -> Measured:
        """A count."""
        assert integrity.findings is not None, "LedgerMeasure has seen to it"
        count = len(integrity.findings.duplicated)
        return self.interval(count, count)


MEASURE = Duplicates()
