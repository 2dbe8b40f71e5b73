"""Fault `disconnect`: an instance loses its network interface, as when a cable is pulled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Disconnect(HeldFault):
    """Take an instance off a Docker network: no interface, no address, no name.

    What: the interface vanishes from the container, its address no longer answers, and its names
    no longer resolve for others on that network.

    Mechanism: `docker network disconnect`; proven by the engine's list of endpoints. `network` is
    a name as in the Compose file or as the engine has it; it may be left out when the instance is
    on one network only.

    Undo: `docker network connect` with the same IPv4 address and aliases. A container that was
    replaced counts as lifted.

    Limits: the engine lets an address be asked for only on networks with a subnet of their own in
    the Compose file; elsewhere the instance may come back with another one, and the evidence says
    so. The interface may have another name afterwards. The agent holds no lease on it: when the
    harness dies, the keeper reconnects, or `chaoskit recover` does.
    """

    name = "disconnect"
    family = "container"
    needs = ("disconnect",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "duration": "10s"}

    network: str | None = None  # which one; may be left out when there is only one

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Disconnect each instance from the one network that is meant."""
        return tuple(self._operation(instance) for instance in picked)

    def _operation(self, instance: Instance) -> Operation:
        network = self._network(instance)
        return Operation(
            doer=Doer.ENGINE,
            kind="disconnect",
            instance=instance,
            params={"network": network},
            mechanism=f"docker network disconnect {network}",
        )

    def _network(self, instance: Instance) -> str:
        """The engine's name of the network. Raises FaultRefused with what there is."""
        names = sorted(instance.addresses)
        meant = names
        if self.network is not None:
            exact = [one for one in names if one == self.network]
            meant = exact or [one for one in names if one.endswith(f"_{self.network}")]
        if len(meant) == 1:
            return meant[0]
        found = ", ".join(names) or "none"
        wanted = f"network {self.network!r}" if self.network else "one network; name it"
        message = f"disconnect: {instance.name} needs {wanted}; it is on: {found}"
        raise FaultRefused(message)


inject = action(Disconnect)
