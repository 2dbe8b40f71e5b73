"""What a kind of operation is to the engine's hand: five functions over an operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Instance, Operation

GONE = "the instance is gone"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The operation, and a connection to the engine to do it with."""

    client: docker.DockerClient
    operation: Operation

    @property
    def params(self) -> Mapping[str, Any]:
        """What the operation's own undo needs, and what its fault asked for."""
        return self.operation.params

    @property
    def instance(self) -> Instance:
        """Whom it is done to."""
        return self.operation.instance

    def find(self) -> Container | None:
        """The container itself, as it is now; None when it is gone."""
        try:
            return self.client.containers.get(self.instance.id)
        except docker.errors.NotFound:
            return None

    def must_find(self) -> Container:
        """The container itself. Raises FaultRefused when it is gone."""
        container = self.find()
        if container is None:
            message = f"{self.instance.name}: {GONE}"
            raise FaultRefused(message)
        return container

    def must_run(self) -> Container:
        """The container itself, running. Raises FaultRefused."""
        container = self.must_find()
        state = container.attrs["State"]
        if not state["Running"] or state["Paused"]:
            message = f"{container.name} is {state['Status']}, not running"
            raise FaultRefused(message)
        return container


@dataclass(frozen=True, kw_only=True)
class EngineKind:
    """How one kind is done. All functions may raise FaultRefused and the SDK's errors.

    `check` and `undo` must work in any later process, and after the container, the network or the
    engine went away and came back.
    """

    prepare: Callable[[Table], dict[str, Any]]  # what the undo will need; nothing is done yet
    do: Callable[[Table], None]
    check: Callable[[Table], tuple[bool, str]]  # whether it is in effect now, and the evidence
    undo: Callable[[Table], None]  # called only while it is in effect; may be called again
    # Whether it counts from the order on instead of from when `do` returned: who goes in good order
    # turns users away long before the end, and a healer would seem to act before the fault.
    counts_from_order: bool = False


def never_undone(_table: Table) -> None:
    """The undo of what is struck: only the system repairs it."""
