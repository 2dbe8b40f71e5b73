"""One fault on a live target: proven in effect when it exists, lifted when its block ends."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from chaoskit.errors import FaultRefused, InputError, LiftFailed
from chaoskit.faults.base import Fault, catalogue, make
from chaoskit.model.faults import Nature
from chaoskit.model.target import TargetSpec
from chaoskit.plan.report import suggest
from chaoskit.run.injected import Injected


def checked_fault(spec: TargetSpec, name: str, arguments: Mapping[str, Any]) -> Fault:
    """The fault, when there is one, its arguments are right and the service exists.

    A trailing underscore keeps Python's own words apart: `for_="10s"`. Raises InputError: such a
    mistake is the author's, and says nothing about the target.
    """
    if name not in catalogue():
        message = f"no fault named {name!r}; {suggest(name, catalogue())}"
        raise InputError(message)
    service = arguments["service"]
    if service not in spec.services:
        hint = suggest(str(service), spec.services)
        message = f"no service named {service!r} in target {spec.name}; {hint}"
        raise InputError(message)
    try:
        return make(name, {key.removesuffix("_"): value for key, value in arguments.items()})
    except FaultRefused as error:
        raise InputError(str(error)) from error


class LiveFault:
    """A fault that was proven in effect. Leaving its block lifts it, whatever happened in it."""

    def __init__(self, injected: Injected, lift: Callable[[str], None]) -> None:
        self.injected = injected
        self._lift = lift

    @property
    def instances(self) -> tuple[str, ...]:
        """Who was hit: `web-1`."""
        return self.injected.instances

    @property
    def evidence(self) -> tuple[str, ...]:
        """How it was proven, one sentence an instance."""
        return self.injected.evidence

    @property
    def held(self) -> bool:
        """Whether there is anything to lift: a crash is over the moment it happens."""
        return self.injected.nature is Nature.HELD

    def lift(self) -> None:
        """Lift it now, and prove it gone. Idempotent. Raises LiftFailed."""
        if self.held:
            self._lift(self.injected.fault_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.lift()
        except LiftFailed as failed:
            raise failed from error  # the louder of the two
