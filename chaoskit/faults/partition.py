"""Fault `partition`: the network between services is cut while all of them keep running."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation

DIRECTIONS = {"both": ("in", "out"), "in": ("in",), "out": ("out",)}


@dataclass(frozen=True, kw_only=True)
class Partition(HeldFault):
    """Drop all packets between an instance and other services, both ways or one way.

    What: packets vanish without an answer, as behind a broken switch: connects and requests run
    into their time-outs. `from` names the services to be cut off from; `direction` is seen from the
    picked instance: `in` drops what comes from them, `out` what goes to them.

    Mechanism: iptables rules in the instance's network namespace, one commit for all of them,
    marked with a comment; proven by their listing, by datagrams out that are refused with EPERM,
    and by datagrams in that move the rules' counters.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards. Nothing is
    ever flushed, because the engine's own rules live in the same namespace.

    Limits: IPv4. The peers are those that exist at injection: one that is replaced and gets another
    address is no longer cut off. An instance that restarts comes back in a fresh, whole network.
    A connection that was open before stays open and silent.
    """

    name = "partition"
    needs = ("firewall",)

    peers: str | list[str] = field(metadata={"argument": "from"})
    direction: str = "both"  # both, in or out, seen from the picked instance

    def problems(self) -> tuple[str, ...]:
        """The direction must be known, and `from` must name services."""
        found = list(super().problems())
        if self.direction not in DIRECTIONS:
            choices = ", ".join(DIRECTIONS)
            found.append(f"direction: {self.direction!r}; choose from {choices}")
        names: Any = [self.peers] if isinstance(self.peers, str) else self.peers
        if not isinstance(names, list) or not names or not all(isinstance(x, str) for x in names):
            found.append(f"from: {self.peers!r} is not a service or a list of services")
        return tuple(found)

    @property
    def services(self) -> tuple[str, ...]:
        """The services to be cut off from."""
        return (self.peers,) if isinstance(self.peers, str) else tuple(self.peers)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        others = [one for service in self.services for one in site.instances(service)]
        return tuple(self._operation(instance, others) for instance in picked)

    def _operation(self, instance: Instance, others: Sequence[Instance]) -> Operation:
        rules = [rule for other in others for rule in self._rules(instance, other)]
        if not rules:
            message = (
                f"{instance.name} shares no network with a running instance of "
                f"{', '.join(self.services)}"
            )
            raise FaultRefused(message)
        return Operation(
            doer=Doer.AGENT,
            kind="firewall",
            instance=instance,
            params={"rules": rules},
            mechanism=f"iptables DROP, {self.direction}, from {', '.join(self.services)}",
        )

    def _rules(self, instance: Instance, other: Instance) -> Iterator[dict[str, Any]]:
        if other.id == instance.id or not other.running:
            return
        for network in sorted(instance.addresses.keys() & other.addresses.keys()):
            for direction in DIRECTIONS[self.direction]:
                yield {
                    "direction": direction,
                    "peer": other.addresses[network],
                    "peer_pid": other.pid,
                    "local": instance.addresses[network],
                }


inject = action(Partition)
