"""What a measure is: a name, a unit, a sense, and a pure function of a trial's evidence.

To add a measure, add one file to this shelf; its name is the file's name, and the budget's key:

    class Recovery(Measure):
        '''One line for the list. Then the definition.'''

        name = "recovery"
        unit = Unit.SECONDS
        sense = Sense.AT_MOST
        title = "Recovery"

        def of_watch(self, series): ...

    MEASURE = Recovery()

Checking an experiment file needs names, units and senses only, and must be quick: nothing on the
shelf imports numpy. What is heavy is done once, in `chaoskit.measures.series`.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from chaoskit.model.measures import Measured, Sense, Unit

if TYPE_CHECKING:
    from chaoskit.measures.integrity import Integrity
    from chaoskit.measures.series import Series

# Mechanisms that live on the shelf because they read the same evidence.
_NOT_MEASURES = {
    "attribution",
    "base",
    "checkers",
    "hearing",
    "integrity",
    "latency",
    "progress",
    "rounds",
    "series",
    "states",
    "strength",
}

NO_LEDGER = "no ledger was kept"

# Floating-point dust must not decide a budget: a nanosecond, or a part in a billion.
_DUST = 1e-9


class Measure(ABC):
    """One measure."""

    name: ClassVar[str]
    unit: ClassVar[Unit]
    sense: ClassVar[Sense]
    title: ClassVar[str]  # for a table's heading
    needs_asks: ClassVar[bool] = True  # False: marks alone will do

    def of(self, series: "Series") -> Measured:
        """The measure of one trial, as an interval that holds the truth."""
        if series.effect_ns is None:
            return self.unknown("the fault was never in effect")
        if self.needs_asks and not series.asked:
            return self.unknown("no ask of the watch has a known outcome")
        return self.of_watch(series)

    @abstractmethod
    def of_watch(self, series: "Series") -> Measured:
        """The same, of a trial whose fault was in effect, and which was asked when that matters."""

    @property
    def about(self) -> str:
        """One line for a list: the first line of the docstring."""
        return (self.__doc__ or "").strip().splitlines()[0]

    def interval(
        self,
        low: float,
        high: float,
        *,
        after_lift: bool = False,
        resolution: float | None = None,
        note: str = "",
    ) -> Measured:
        """A known value: the truth lies in [low, high]."""
        return Measured(
            measure=self.name,
            unit=self.unit,
            low=low,
            high=high,
            after_lift=after_lift,
            resolution=resolution,
            note=note,
        )

    def censored(self, low: float, *, resolution: float | None = None, note: str = "") -> Measured:
        """Not seen to end: the truth is above `low`, nobody knows how far."""
        return Measured(
            measure=self.name,
            unit=self.unit,
            low=low,
            censored=True,
            resolution=resolution,
            note=note,
        )

    def unknown(self, note: str) -> Measured:
        """Nothing to measure; `note` says why."""
        return Measured(measure=self.name, unit=self.unit, note=note)


class LedgerMeasure(Measure):
    """A measure of what became of the writes; says nothing of a trial without a ledger."""

    def of(self, series: "Series") -> Measured:
        """What is lost is lost, whether a fault was in effect or not."""
        return self.of_watch(series)

    def of_watch(self, series: "Series") -> Measured:
        """Of the ledger, when it was kept and read back."""
        from chaoskit.measures.integrity import integrity_of  # noqa: PLC0415  # when measuring

        integrity = integrity_of(series)
        if integrity is None:
            return self.unknown(NO_LEDGER)
        return self.of_ledger(integrity) if integrity.findings else self.unknown(integrity.why_not)

    @abstractmethod
    def of_ledger(self, integrity: "Integrity") -> Measured:
        """The same, of a ledger that was read back."""


@cache
def catalogue() -> Mapping[str, Measure]:
    """Every measure on the shelf, by name."""
    import chaoskit.measures as shelf  # noqa: PLC0415  # the shelf imports this module

    names = sorted(
        module.name
        for module in pkgutil.iter_modules(shelf.__path__)
        if module.name not in _NOT_MEASURES
    )
    return {
        name: importlib.import_module(f"chaoskit.measures.{name}").MEASURE
        for name in names
    }  # fmt: skip


def measure_all(series: "Series") -> tuple[Measured, ...]:
    """Every measure of one trial, in the order of the shelf; those of a ledger when there is one."""
    return tuple(
        measure.of(series)
        for measure in catalogue().values()
        if series.timeline.ledger is not None or not isinstance(measure, LedgerMeasure)
    )


def keeps(measured: Measured, bound: float, sense: Sense) -> bool | None:
    """Whether a budget was kept, by the worse end of the interval; None when it cannot be told.

    What came only after the fault had been lifted did not happen while the system had to do it.
    """
    dust = _DUST * max(1.0, abs(bound))
    if sense is Sense.AT_LEAST:
        return None if measured.low is None else measured.low >= bound - dust
    if measured.censored or measured.after_lift:
        return False
    return None if measured.high is None else measured.high <= bound + dust
