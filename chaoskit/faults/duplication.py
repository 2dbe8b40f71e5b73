"""Fault `duplication`: packets of an instance arrive twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.packets import PacketFault, wrong
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_share


@dataclass(frozen=True, kw_only=True)
class Duplication(PacketFault):
    """Deliver a share of an instance's packets twice.

    What: each packet is doubled by chance, in each direction on its own. TCP notices and throws the
    copy away; whoever reads datagrams gets both.

    Mechanism: netem where the kernel has it, else a netfilter queue that a helper of the agent
    reads and that is seeded: it sends the copy from a raw socket, one that came in over the
    instance's own loopback, marked so that it is not met again. Proven by at least 300 datagrams
    each way between the instance and a witness: the copies must be within the 99 % interval of
    the binomial distribution, or the fault refuses itself. For `protocol: tcp` the helper's own
    count tells; with netem that is not measured, and the evidence says so.

    Undo: exactly our qdiscs, by their handle, or our rules, by their comment, are removed, and
    none is listed afterwards.

    Limits: IPv4. Through the queue, a datagram that is larger than the network carries in one
    packet is not doubled when it goes out. netem has no seed.
    """

    name = "duplication"
    ways = ("netem", "queue")
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "share": "20%", "duration": "10s"}

    share: str  # of the packets, in each direction: 20%

    def problems(self) -> tuple[str, ...]:
        """A share is above nothing and at most everything."""
        return (*super().problems(), *wrong("share", self.share, parse_share))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """The same for each instance."""
        effect = {"duplicate": parse_share(self.share)}
        words = f"{self.share} of the packets twice"
        return self.harmed(picked, site, effect=effect, words=words, ways=self.ways)


inject = action(Duplication)
