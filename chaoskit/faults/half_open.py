"""Fault `half_open`: open connections go silent, as when the other machine lost its power."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import ConnectionFault, firewall
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class HalfOpen(ConnectionFault):
    """Silence the TCP connections that are open now, both ways; new ones work.

    What: each side still believes in the connection and hears nothing, as after a failover of a
    firewall or a power cut at the other end. Only a time-out or a keep-alive finds out; a pool that
    trusts its connections hangs, one that opens a new one is fine. `direction` says who opened the
    connection: `in` is a peer, `out` the instance.

    Mechanism: the connections are read from the kernel's table, and two iptables rules in the
    instance's network namespace drop the packets of each; proven on a connection of the agent's
    own, which falls silent both ways while a new one works.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards. TCP then
    goes on with what it kept, unless a program has given the connection up.

    Limits: TCP over IPv4, at most 1,000 connections; refused when none is open. One that is opened
    in the milliseconds between the look and the rules stays whole.
    """

    name = "half_open"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "peer": "db", "duration": "10s"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        words = f"iptables DROP of each open TCP connection, opened {self.direction}"
        found = []
        for instance in picked:
            existing = {"rules": self.rules(instance, site), "action": "drop", "needed": True}
            seen_by = self.witness(instance, site)
            found.append(firewall(instance, [], words, existing=existing, witness=seen_by))
        return tuple(found)


inject = action(HalfOpen)
