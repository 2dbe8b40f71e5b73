"""What a fault is: typed arguments, and a pure function from chosen instances to operations.

To add a fault, add one file to this shelf:

    @dataclass(frozen=True, kw_only=True)
    class Freeze(HeldFault):
        '''One line for the list. Then what it does, how, and what it cannot do.'''

        name = "freeze"

        def operations(self, picked, site): ...

    inject = action(Freeze)

The class's fields are the arguments of the Chaos Toolkit action `chaoskit.faults.freeze:inject`.
"""

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Protocol

from chaoskit.errors import FaultRefused
from chaoskit.faults import session
from chaoskit.model.faults import Instance, Nature, Operation
from chaoskit.model.quantities import parse_duration


class Site(Protocol):
    """What a fault may ask about the target it is done to."""

    def instances(self, service: str) -> Sequence[Instance]:
        """The instances of a service that exist now. Raises FaultRefused for an unknown service."""
        ...


@dataclass(frozen=True, kw_only=True)
class Fault(ABC):
    """Arguments that every fault has, and the operations it comes down to."""

    name: ClassVar[str]
    nature: ClassVar[Nature]
    needs: ClassVar[tuple[str, ...]] = ()  # operation kinds; `doctor` says whether they work here

    service: str
    pick: str = "any"  # any, all, a role such as primary, or an instance such as web-2
    seed: int | None = None  # for `any`; the run's own seed when absent

    @abstractmethod
    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """What is to be done, in order. Pure: it may ask the site, but does nothing."""

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the arguments, found before anything starts."""
        return ()


@dataclass(frozen=True, kw_only=True)
class StruckFault(Fault):
    """Over the moment it happens; only the system repairs it."""

    nature = Nature.STRUCK


@dataclass(frozen=True, kw_only=True)
class HeldFault(Fault):
    """Lasts until it is lifted: after `duration`, or when the watch is over."""

    nature = Nature.HELD
    duration: str | None = None  # such as 10s; absent: until the watch is over

    @property
    def duration_s(self) -> float | None:
        """Seconds after which the fault is lifted, or None."""
        return parse_duration(self.duration) if self.duration is not None else None

    def problems(self) -> tuple[str, ...]:
        """A duration must be one."""
        try:
            _ = self.duration_s
        except ValueError as error:
            return (f"duration: {error}",)
        return ()


def action(kind: type[Fault]) -> Callable[..., dict[str, Any]]:
    """The Chaos Toolkit action of a fault: its signature is the fault's fields.

    Called by chaoslib, in chaoskit's worker or in a plain `chaos run`; the session decides which
    running target is meant, and who holds the leases.
    """

    def inject(**arguments: Any) -> dict[str, Any]:
        fault = make(kind.name, arguments)
        return session.current().inject(fault)

    parameters = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=one.type,
        )
        for one in fields(kind)
    ]
    signature = inspect.Signature(parameters, return_annotation=dict[str, Any])
    inject.__signature__ = signature  # type: ignore[attr-defined]  # chaoslib binds against it
    inject.__doc__ = kind.__doc__
    return inject


@cache
def catalogue() -> Mapping[str, type[Fault]]:
    """Every fault on the shelf, by name."""
    import chaoskit.faults as shelf  # noqa: PLC0415  # the shelf imports this module

    found: dict[str, type[Fault]] = {}
    for module in pkgutil.iter_modules(shelf.__path__):
        if module.name in {"base", "session"}:
            continue
        members = vars(importlib.import_module(f"chaoskit.faults.{module.name}")).values()
        for member in members:
            if inspect.isclass(member) and issubclass(member, Fault) and "name" in vars(member):
                found[member.name] = member
    return dict(sorted(found.items()))


def make(name: str, arguments: Mapping[str, Any]) -> Fault:
    """A fault from its name and arguments. Raises FaultRefused with every problem at once."""
    kind = catalogue().get(name)
    if kind is None:
        message = f"no fault named {name!r}; choose from {', '.join(catalogue())}"
        raise FaultRefused(message)
    try:
        fault = kind(**arguments)
    except TypeError as error:
        message = f"{name}: {error}; allowed: {', '.join(one.name for one in fields(kind))}"
        raise FaultRefused(message) from error
    if problems := fault.problems():
        raise FaultRefused(f"{name}: " + "; ".join(problems))
    return fault


def arguments_of(fault: Fault) -> dict[str, Any]:
    """The arguments that `make` would build the same fault from."""
    return asdict(fault)
