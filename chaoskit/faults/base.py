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
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Protocol

from chaoskit import plugins
from chaoskit.errors import FaultRefused
from chaoskit.faults import session
from chaoskit.model.faults import Instance, Nature, Operation
from chaoskit.model.fittings import Fitting
from chaoskit.model.quantities import parse_duration


class Instances(Protocol):
    """What a target consists of."""

    def instances(self, service: str) -> Sequence[Instance]:
        """The instances of a service that exist now. Raises FaultRefused for an unknown service."""
        ...

    def services(self) -> Sequence[str]:
        """The names of all services. Raises FaultRefused when the engine does not say."""
        ...


class Site(Instances, Protocol):
    """What a fault may ask about the target it is done to, and about the machine."""

    def missing(self, kind: str) -> str:
        """Why this kind of operation cannot be done here; "" when it can."""
        ...


@dataclass(frozen=True, kw_only=True)
class Fault(ABC):
    """Arguments that every fault has, and the operations it comes down to."""

    name: ClassVar[str]
    nature: ClassVar[Nature]
    needs: ClassVar[tuple[str, ...]] = ()  # operation kinds; `doctor` says whether they work here
    ways: ClassVar[tuple[str, ...]] = ()  # kinds of which one is enough, the best first
    example: ClassVar[Mapping[str, Any]] = {}  # arguments for the documentation and the test kit
    in_cluster: ClassVar[bool] = False  # done in a Kubernetes cluster, and nowhere else
    family: ClassVar[str] = "other"  # of FAMILIES: under which heading its page is listed

    service: str  # whose instances are meant
    pick: str = "any"  # any, all, a role such as primary, or an instance such as web-2
    seed: int | None = None  # for `any`; the run's own seed when absent
    at: str | None = None  # not before, from the start of the method: 2s; absent: in its turn

    @property
    def at_s(self) -> float | None:
        """Seconds from the start of the method before which the fault is not begun, or None."""
        return parse_duration(self.at) if self.at is not None else None

    @abstractmethod
    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """What is to be done, in order. Pure: it may ask the site, but does nothing."""

    def fittings(self) -> tuple[Fitting, ...]:
        """What the target must be started with, so that the fault can be done to it later."""
        return ()

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the arguments, found before anything starts."""
        return wrong_duration("at", self.at)

    def felt_through(self, way: str) -> bool:  # noqa: ARG002
        """Whether users of a cluster who come this way (node-port, port-forward) can feel it."""
        return True


@dataclass(frozen=True, kw_only=True)
class StruckFault(Fault):
    """Over the moment it happens; only the system repairs it."""

    nature = Nature.STRUCK


@dataclass(frozen=True, kw_only=True)
class HeldFault(Fault):
    """Lasts until it is lifted: after `duration`, or when the watch is over."""

    nature = Nature.HELD
    hold: str | None = field(  # lifted after so long: 10s; absent: when the watch is over
        default=None, metadata={"argument": "for"}
    )
    duration: str | None = None  # the same as `for`

    @property
    def duration_s(self) -> float | None:
        """Seconds after which the fault is lifted, or None."""
        words = self.hold if self.hold is not None else self.duration
        return parse_duration(words) if words is not None else None

    def problems(self) -> tuple[str, ...]:
        """A duration must be one, and be given once."""
        found = [*super().problems(), *wrong_duration("for", self.hold)]
        found += wrong_duration("duration", self.duration)
        if self.hold is not None and self.duration is not None:
            found.append("duration: it says the same as `for`; give one of them")
        return tuple(found)


def wrong_duration(argument: str, text: str | None) -> tuple[str, ...]:
    """What is wrong with a duration, as `problems` says it; nothing when it is absent."""
    try:
        _ = parse_duration(text) if text is not None else None
    except ValueError as error:
        return (f"{argument}: {error}",)
    return ()


def action(kind: type[Fault]) -> Callable[..., dict[str, Any]]:
    """The Chaos Toolkit action of a fault: its signature is the fault's fields.

    Called by chaoslib, in chaoskit's worker or in a plain `chaos run`; the session decides which
    running target is meant, and who holds the leases.
    """

    def inject(**arguments: Any) -> dict[str, Any]:
        fault = make(kind.name, arguments)
        return session.current().inject(fault)

    parameters = [_Parameter(name, one) for name, one in parameters_of(kind).items()]
    signature = inspect.Signature(parameters, return_annotation=dict[str, Any])
    inject.__signature__ = signature  # type: ignore[attr-defined]  # chaoslib binds against it
    inject.__doc__ = kind.__doc__
    inject.fault = kind  # type: ignore[attr-defined]  # by which a file's check finds its arguments
    return inject


class _Parameter(inspect.Parameter):
    """A parameter whose name may be a Python keyword: chaoslib passes arguments by name only."""

    def __init__(self, name: str, one: Field[Any]) -> None:
        default = inspect.Parameter.empty if one.default is MISSING else one.default
        kind = inspect.Parameter.KEYWORD_ONLY
        super().__init__(one.name, kind, default=default, annotation=one.type)
        self._name = name


def parameters_of(kind: type[Fault]) -> Mapping[str, Field[Any]]:
    """The arguments of a fault as they are written in files, with the fields that take them.

    They differ where the natural word is a Python keyword: `field(metadata={"argument": "from"})`.
    """
    return {one.metadata.get("argument", one.name): one for one in fields(kind)}


def catalogue() -> Mapping[str, type[Fault]]:
    """Every fault on the shelf, by name; those that other packages add too."""
    return shelf().entries


@cache
def shelf() -> plugins.Stock[type[Fault]]:
    """Every fault, which package added it, and what cannot be used."""
    import chaoskit.faults as package  # noqa: PLC0415  # the shelf imports this module

    found: dict[str, type[Fault]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name in {"base", "session"}:
            continue
        members = vars(importlib.import_module(f"chaoskit.faults.{module.name}")).values()
        for member in members:
            if inspect.isclass(member) and issubclass(member, Fault) and "name" in vars(member):
                found[member.name] = member
    return plugins.stock(plugins.FAULTS, found, _accepted)


def _accepted(plugin: plugins.Plugin, found: object) -> type[Fault]:
    """A fault class of another package, whose name is that of its entry."""
    if not (inspect.isclass(found) and issubclass(found, Fault)):
        message = f"{plugin.value} is no subclass of chaoskit.faults.base.Fault"
        raise plugins.Unusable(message)
    if vars(found).get("name") != plugin.name:
        message = f"{plugin.value} calls itself {vars(found).get('name')!r}"
        raise plugins.Unusable(message)
    return found


def make(name: str, arguments: Mapping[str, Any]) -> Fault:
    """A fault from its name and arguments. Raises FaultRefused with every problem at once."""
    kind = catalogue().get(name)
    if kind is None:
        choices = f"no fault named {name!r}; choose from {', '.join(catalogue())}"
        message = shelf().refused.get(name, choices)
        raise FaultRefused(message)
    parameters = parameters_of(kind)
    wrong = [f"no argument {one!r}" for one in arguments if one not in parameters]
    needed = (key for key, one in parameters.items() if one.default is MISSING)
    wrong += [f"{one} is missing" for one in needed if one not in arguments]
    if wrong:
        message = f"{name}: {', '.join(wrong)}; its arguments are: {', '.join(parameters)}"
        raise FaultRefused(message)
    fault = kind(**{parameters[key].name: value for key, value in arguments.items()})
    if problems := fault.problems():
        raise FaultRefused(f"{name}: " + "; ".join(problems))
    return fault


def arguments_of(fault: Fault) -> dict[str, Any]:
    """The arguments that `make` would build the same fault from."""
    values = asdict(fault)
    return {key: values[one.name] for key, one in parameters_of(type(fault)).items()}
