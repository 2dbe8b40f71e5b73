"""Fault `partition`: the network between services is cut while all of them keep running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import firewall
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Partition(TrafficFault):
    """Drop all packets between an instance and other services, both ways or one way.

    What: packets vanish without an answer, as behind a broken switch: connects and requests run
    into their time-outs. `from` names the services or instances to be cut off from; `direction` is
    seen from the picked instance: `in` drops what comes from them, `out` what goes to them. `port`
    and `protocol` narrow it down to one conversation.

    Mechanism: iptables rules in the instance's network namespace, one commit for all of them,
    marked with a comment; proven by their listing, by datagrams out that are refused with EPERM,
    and by packets in that move the rules' counters.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards. Nothing is
    ever flushed, because the engine's own rules live in the same namespace.

    Limits: IPv4. The peers are those that exist at injection: one that is replaced and gets another
    address is no longer cut off. An instance that restarts comes back in a fresh, whole network.
    A connection that was open before stays open and silent. A program that sends datagrams is told
    by its own kernel (EPERM), which no broken switch would do.
    """

    name = "partition"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "from": "db", "duration": "10s"}

    peer: str | list[str] = field(  # the services or instances to be cut off from
        metadata={"argument": "from"}
    )

    def problems(self) -> tuple[str, ...]:
        """`from` must name services or instances."""
        names: Any = [self.peer] if isinstance(self.peer, str) else self.peer
        if isinstance(names, list) and names and all(isinstance(one, str) for one in names):
            return super().problems()
        wrong = f"from: {self.peer!r} is not a service or a list of services"
        return (*super().problems(), wrong)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        whom = self.peer if isinstance(self.peer, str) else ", ".join(self.peer)
        words = f"iptables DROP, {self.direction}, from {whom}"
        return tuple(firewall(one, self.rules(one, site), words) for one in picked)


inject = action(Partition)
