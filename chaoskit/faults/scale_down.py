"""Fault `scale_down`: a service has fewer instances than it should, as after a wrong scaling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.grace import whole_seconds, wrong_grace
from chaoskit.faults.picking import ANY
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class ScaleDown(HeldFault):
    """Stop and remove instances of a service, down to a number (`to`) or by a number (`by`).

    What: the instances with the highest numbers end in good order and are removed, as by
    `docker compose up --scale`. Those that stay carry the whole load.

    Mechanism: the engine's API: stop with `grace`, then remove with anonymous volumes; proven by
    the engine, which lists nobody in their places.

    Undo: every place in which nobody stands gets a container with the configuration that was there
    before; it is on disk before anything is done. A place that the system has filled again counts
    as lifted.

    Limits: what the instances had written outside named volumes is lost. `pick` has no meaning
    here. Addresses come back if they are still free; if the engine would give others, they can be
    asked for only on a network with a subnet of its own. The saved configuration, with the values
    of environment variables, is in the run's `faults.jsonl`. The agent holds no lease on it: when
    the harness dies, the keeper scales up again, or `chaoskit recover` does.
    """

    name = "scale_down"
    family = "container"
    needs = ("absence",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "to": 0, "grace": "2s"}

    to: int | None = None  # how many instances are left running; 0 takes the service away
    by: int | None = None  # or: how many are removed
    grace: str = "10s"  # from the stop signal to SIGKILL, at most one minute

    def problems(self) -> tuple[str, ...]:
        """Exactly one of the numbers must be given, and be possible."""
        found = [*super().problems(), *wrong_grace(self.grace)]
        if (self.to is None) == (self.by is None):
            found.append("to: give either `to` or `by`; for example to: 1")
        if self.to is not None and self.to < 0:
            found.append(f"to: {self.to} instances are not possible; choose 0 or more")
        if self.by is not None and self.by < 1:
            found.append(f"by: {self.by} removes nobody; choose 1 or more")
        if self.pick != ANY:
            found.append(
                f"pick: {self.pick!r} has no meaning, the highest numbers are removed; "
                "leave it out, or use `remove` for one instance"
            )
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Remove the instances with the highest numbers."""
        running = [one for one in site.instances(self.service) if one.running]
        left = self.to if self.to is not None else len(running) - (self.by or 0)
        if not 0 <= left < len(running):
            wish = f"by {self.by}" if self.to is None else f"to {self.to}"
            message = f"{self.service} has {len(running)} running, so it cannot be scaled {wish}"
            raise FaultRefused(message)
        return tuple(
            Operation(
                doer=Doer.ENGINE,
                kind="absence",
                instance=instance,
                params={"grace_s": whole_seconds(self.grace)},
                mechanism=f"docker stop and rm, {left} of {len(running)} left",
            )
            for instance in reversed(running[left:])
        )


inject = action(ScaleDown)
