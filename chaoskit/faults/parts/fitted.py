"""What a target must be started with for the faults that will be done to it."""

from collections.abc import Iterable

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import make
from chaoskit.model.experiment import FaultUse
from chaoskit.model.fittings import Fitting, merged


def fittings_of(faults: Iterable[FaultUse]) -> tuple[Fitting, ...]:
    """The fittings of all these faults, each once.

    A fault whose arguments are known only in the run cannot say what it needs beforehand; where
    that is a fitting, it is refused when it is injected, with what to do.
    """
    found: list[Fitting] = []
    for one in faults:
        try:
            found.extend(make(one.fault, one.arguments).fittings())
        except FaultRefused:
            continue
    return merged(found)
