"""Fault `pause`: the engine freezes an instance, as a stalled host or a live migration would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Pause(HeldFault):
    """Freeze all processes of an instance with the engine's own pause.

    What: nothing in the container runs, and nothing in it can notice: signals wait too, and so do
    the engine's health checks. Compare `hang`, which the engine does not know about.

    Mechanism: `docker pause`, the cgroup freezer; proven by the engine's State.Paused.

    Undo: `docker unpause`, seen in the engine's state. A container that was replaced counts.

    Limits: the engine knows, so a healer that asks it sees `paused`. The agent holds no lease on
    it: when the harness dies, the keeper unpauses, or `chaoskit recover` does.
    """

    name = "pause"
    family = "container"
    needs = ("pause",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "duration": "10s"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Pause each instance."""
        return tuple(
            Operation(doer=Doer.ENGINE, kind="pause", instance=instance, mechanism="docker pause")
            for instance in picked
        )


inject = action(Pause)
