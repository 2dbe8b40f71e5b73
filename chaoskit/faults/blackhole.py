"""Fault `blackhole`: everything that goes to an instance or comes from it is swallowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import ANSWERS, firewall, wrong_answer
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Blackhole(TrafficFault):
    """Swallow an instance's packets: all of them, or those of some peer, port or protocol.

    What: to everybody else the instance looks like a machine that was unplugged, and the other way
    round; its processes keep running. `answer: refusal` answers each packet instead (a reset for
    TCP, port unreachable for UDP), as a firewall that says no.

    Mechanism: iptables rules in the instance's network namespace, in one commit, marked with a
    comment; proven by their listing and by packets of our own that move their counters.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards.

    Limits: IPv4. What the instance says to itself (loopback, and with it the engine's name server)
    goes on. Clients that come through a published port are cut off too, and the harness's own
    probes with them. An instance that restarts comes back in a fresh, whole network. A program that
    sends datagrams is told by its own kernel (EPERM), which no broken network would do. With
    `refusal`, whoever sends datagrams to the instance is told about one a second (and six at once)
    only: the kernel limits ICMP.
    """

    name = "blackhole"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "duration": "10s"}

    answer: str = "silence"  # silence, or refusal: the sender is told that nobody is there

    def problems(self) -> tuple[str, ...]:
        """The answer must be a known one."""
        return (*super().problems(), *wrong_answer(self.answer))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        act = ANSWERS[self.answer]
        words = f"iptables {'REJECT' if act == 'reset' else 'DROP'}, {self.direction}"
        found = []
        for instance in picked:
            rules = [{**rule, "action": act} for rule in self.rules(instance, site)]
            seen_by = self.witness(instance, site)
            found.append(firewall(instance, rules, words, witness=seen_by))
        return tuple(found)


inject = action(Blackhole)
