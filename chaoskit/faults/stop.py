"""Fault `stop`: an instance is shut down in good order and stays down, as in planned work."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class Stop(HeldFault):
    """Shut an instance down the polite way; it stays down until the fault is lifted.

    What: the container's stop signal, then SIGKILL after `grace`. The service may finish what it
    has begun.

    Mechanism: `docker stop`; in effect from the signal on, because a service that ends in good order
    turns users away before it has ended; proven by the engine's state. The engine takes it for its
    operator's wish, so that the restart policy does not act: not even `restart: always` brings the
    container back before the engine itself is restarted. Whoever heals it must be somebody else.

    Undo: `docker start`, seen in the engine's state. A container that was replaced, or started by
    somebody else, counts.

    Limits: it takes as long as the service takes to end, at most `grace` (whole seconds), for one
    instance after the other. The agent holds no lease on it: when the harness dies, the keeper
    starts it again, or `chaoskit recover` does.
    """

    name = "stop"
    family = "container"
    needs = ("stop",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "grace": "2s", "duration": "10s"}

    grace: str = "10s"  # from the stop signal to SIGKILL, at most one minute

    def problems(self) -> tuple[str, ...]:
        """The grace must be a duration that the engine's API waits for."""
        try:
            grace_s = parse_duration(self.grace)
        except ValueError as error:
            return (*super().problems(), f"grace: {error}")
        if grace_s > 60:
            return (*super().problems(), f"grace: {self.grace} is above one minute")
        return super().problems()

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Stop each instance."""
        return tuple(
            Operation(
                doer=Doer.ENGINE,
                kind="stop",
                instance=instance,
                params={"grace_s": math.ceil(parse_duration(self.grace))},
                mechanism=f"docker stop, grace {self.grace}",
            )
            for instance in picked
        )


inject = action(Stop)
