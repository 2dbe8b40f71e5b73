"""Fault `connection_reset`: connections break with a reset, as when a middlebox forgets them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import ConnectionFault, firewall
from chaoskit.model.faults import Instance, Operation

CONNECTIONS = ("all", "new", "existing")


@dataclass(frozen=True, kw_only=True)
class ConnectionReset(ConnectionFault):
    """Reset an instance's TCP connections: those that are open, those to come, or both.

    What: `existing` ends the connections that are open at injection, both ends are told at once;
    `new` refuses every attempt to connect while the fault is held; `all` does both. `direction`
    says who opened (or opens) the connection: `in` is a peer, `out` the instance.

    Mechanism: new ones by iptables REJECT with a TCP reset in the instance's network namespace;
    open ones are ended through the kernel's socket diagnosis, which sends a reset to the other end,
    and by REJECT of what may still come for them. Proven on a connection of the agent's own that
    was open before and is reset at both ends, and by connects that are refused.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards. A reset
    connection stays reset: the programs have to connect again.

    Limits: TCP over IPv4. The instance's own end sees ECONNABORTED where a reset from outside would
    be ECONNRESET. Where the kernel cannot end sockets (INET_DIAG_DESTROY), an open connection is
    reset at its next packet; the evidence says which it was. At most 1,000 open connections.
    """

    name = "connection_reset"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "connections": "all",
        "duration": "10s",
    }

    connections: str = "all"  # all, new, or existing: those that are open at injection

    def problems(self) -> tuple[str, ...]:
        """The connections must be known ones."""
        found = list(super().problems())
        if self.connections not in CONNECTIONS:
            choices = ", ".join(CONNECTIONS)
            found.append(f"connections: {self.connections!r} is unknown; choose from {choices}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        words = f"iptables REJECT with tcp-reset, {self.connections} connections, {self.direction}"
        return tuple(self._operation(one, site, words) for one in picked)

    def _operation(self, instance: Instance, site: Site, words: str) -> Operation:
        meant = self.rules(instance, site)
        refused = [{**rule, "action": "reset", "first_only": True} for rule in meant]
        more: dict[str, Any] = {"witness": self.witness(instance, site)}
        if self.connections != "new":
            needed = self.connections == "existing"
            more["existing"] = {"rules": meant, "action": "reset", "needed": needed}
        return firewall(instance, [] if self.connections == "existing" else refused, words, **more)


inject = action(ConnectionReset)
