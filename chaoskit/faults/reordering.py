"""Fault `reordering`: packets of an instance overtake each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.packets import PacketFault, wrong
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_duration, parse_share

_SHORTEST_S = 0.005  # below, a busy machine decides who overtakes whom


@dataclass(frozen=True, kw_only=True)
class Reordering(PacketFault):
    """Hold a share of an instance's packets back, so that those behind overtake them.

    What: each packet is held back for `by`, by chance and in each direction on its own; all others
    go at once. Where nothing follows within `by`, the packet is only late. TCP takes three packets
    that overtook for a loss and sends again; datagrams arrive in another order.

    Mechanism: netem where the kernel has it, else a netfilter queue that a helper of the agent
    reads and that is seeded. Proven by at least 300 datagrams each way between the instance and a
    witness, a millisecond apart: those that were overtaken must be within the 99 % interval of the
    binomial distribution, or the fault refuses itself. For `protocol: tcp`, and beside other faults
    that lose packets, the helper's own count tells; with netem that is not measured, and the
    evidence says so.

    Undo: exactly our qdiscs, by their handle, or our rules, by their comment, are removed, and
    none is listed afterwards. What the queue holds back goes on its way at once; what netem holds
    at that moment is lost.

    Limits: IPv4. A large TCP segment that is cut up by the kernel later counts as one packet for
    netem, and as many for the queue. netem has no seed.
    """

    name = "reordering"
    ways = ("netem", "queue")
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "share": "25%", "duration": "10s"}

    share: str  # of the packets, in each direction: 25%
    by: str = "20ms"  # how long one is held back

    def problems(self) -> tuple[str, ...]:
        """When everything is held back, nothing is overtaken."""
        found = [*super().problems(), *wrong("share", self.share, parse_share)]
        found += wrong("by", self.by, parse_duration)
        if found:
            return tuple(found)
        if parse_share(self.share) >= 1:
            found.append(
                "share: 100% held back is no reordering; choose less, or the fault latency"
            )
        if parse_duration(self.by) < _SHORTEST_S:
            found.append(f"by: {self.by} is too short to be overtaken in; choose at least 5ms")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """The same for each instance."""
        effect = {"hold": parse_share(self.share), "hold_s": parse_duration(self.by)}
        words = f"{self.share} of the packets held back {self.by}"
        return self.harmed(picked, site, effect=effect, words=words, ways=self.ways)


inject = action(Reordering)
