"""Fault `restart`: an instance is restarted in good order, as in a rolling restart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.faults.parts.grace import whole_seconds, wrong_grace
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Restart(StruckFault):
    """Stop an instance the polite way and start it again at once.

    What: the container's stop signal, SIGKILL after `grace`, then a start. The service may finish
    what it has begun; connections end, caches are cold, and clients must come back.

    Mechanism: `docker restart`, proven by a new time of start. It counts as in effect from the order
    on, because who goes in good order turns users away long before the end.

    Undo: none. The instance runs again, by the engine; whether the service does is what is watched.

    Limits: it takes as long as the service takes to end, at most `grace` (whole seconds), for one
    instance after the other. The engine's restart policy is not tried by it, see `crash` for that;
    the growing delay of earlier crashes is forgotten.
    """

    name = "restart"
    family = "container"
    needs = ("restart",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "grace": "2s"}

    grace: str = "10s"  # from the stop signal to SIGKILL, at most one minute

    def problems(self) -> tuple[str, ...]:
        """The grace must be a duration that the engine's API waits for."""
        return (*super().problems(), *wrong_grace(self.grace))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Restart each instance."""
        return tuple(
            Operation(
                doer=Doer.ENGINE,
                kind="restart",
                instance=instance,
                params={"grace_s": whole_seconds(self.grace)},
                mechanism=f"docker restart, grace {self.grace}",
            )
            for instance in picked
        )


inject = action(Restart)
