"""Fault `remove`: an instance is gone for good, as after the loss of its host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Remove(StruckFault):
    """Kill an instance and remove its container, so that nothing is left that could restart.

    What: SIGKILL, then the container with its writable layer and its anonymous volumes is gone, and
    so are its address and its names. Named volumes stay.

    Mechanism: `docker rm --force --volumes`; proven by the engine, which knows it no longer.

    Undo: none. Only the system can replace it: an orchestrator, an operator's script, a scheduler.
    Before the next trial the harness brings the project back to full strength with
    `docker compose up --detach`, if nobody else has.

    Limits: no restart policy helps against it, so a target without a healer of its own above the
    engine never recovers. Under a plain `chaos run` nobody puts the container back: use
    `chaoskit down` and `chaoskit up`.
    """

    name = "remove"
    family = "container"
    needs = ("remove",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Remove each instance."""
        return tuple(
            Operation(
                doer=Doer.ENGINE,
                kind="remove",
                instance=instance,
                mechanism="docker rm --force --volumes",
            )
            for instance in picked
        )


inject = action(Remove)
