"""Fault `loss`: some of an instance's packets never arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import firewall
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_share


@dataclass(frozen=True, kw_only=True)
class Loss(TrafficFault):
    """Lose a share of an instance's packets, each by chance and without a word.

    What: every packet is lost with the same probability, in each direction on its own: with
    `share: 30%` both ways, 49 % of the round trips get through. TCP repairs it and becomes slow,
    datagrams are simply gone.

    Mechanism: iptables' `statistic` match in the instance's network namespace. Incoming packets are
    dropped; outgoing ones go to a packet queue that nobody reads, because a drop there would be
    reported to the sender, and TCP would not take it for a loss. Proven by at least 400 datagrams
    each way (for `protocol: tcp`, by connects) between the instance and a witness: the number lost
    must be inside the 99 % interval of the binomial distribution, or the fault refuses itself.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards.

    Limits: IPv4. Losses are independent: bursts need `blackhole` for a moment. The kernel's dice
    cannot be seeded: `seed` only picks the instance. It needs another running instance on a common
    network to measure with, and of a UDP port, one of the two must not serve on it. Where the kernel
    has no NFQUEUE, an outgoing loss is a local drop.
    """

    name = "loss"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "share": "30%", "duration": "10s"}

    share: str  # of the packets, in each direction: 30%

    def problems(self) -> tuple[str, ...]:
        """A share is above nothing and at most everything."""
        found = list(super().problems())
        try:
            if parse_share(self.share) <= 0:
                found.append("share: no packet would be lost; choose a share above 0%")
        except ValueError as error:
            found.append(f"share: {error}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        share = parse_share(self.share)
        words = f"iptables statistic, {self.share} of the packets, {self.direction}"
        found = []
        for instance in picked:
            common = {"action": "lose", "share": share}
            rules = [{**rule, **common} for rule in self.rules(instance, site)]
            seen_by = self.witness(instance, site)
            found.append(firewall(instance, rules, words, witness=seen_by))
        return tuple(found)


inject = action(Loss)
