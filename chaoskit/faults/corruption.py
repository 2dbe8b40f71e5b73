"""Fault `corruption`: bits of an instance's packets flip on their way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.amounts import wrong_flag
from chaoskit.faults.parts.packets import PacketFault, wrong
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_share


@dataclass(frozen=True, kw_only=True)
class Corruption(PacketFault):
    """Flip one bit in a share of an instance's packets.

    What: each packet is harmed by chance, in each direction on its own. The checksum is left as it
    was, so that the receiver's kernel drops the packet: TCP sends it again, and a datagram is lost.
    With `silent` the checksum is made right again, and the receiver takes wrong bytes for good, as
    it does behind a broken switch or memory.

    Mechanism: netem where the kernel has it (not for `silent`), else a netfilter queue that a
    helper of the agent reads and that is seeded. Proven by at least 300 datagrams each way between
    the instance and a witness: those that are lost (`silent`: that arrive with other bytes) must
    be within the 99 % interval of the binomial distribution, or the fault refuses itself. For
    `protocol: tcp`, and beside other faults that lose packets, the helper's own count tells; with
    netem that is not measured, and the evidence says so.

    Undo: exactly our qdiscs, by their handle, or our rules, by their comment, are removed, and
    none is listed afterwards.

    Limits: IPv4. `silent` spares packets without contents, such as the acknowledgements of TCP,
    and what has a checksum of its own above TCP (TLS) notices. netem has no seed, and flips any bit of the
    frame: one in the sender's hardware address harms nothing.
    """

    name = "corruption"
    ways = ("netem", "queue")
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "share": "10%", "duration": "10s"}

    share: str  # of the packets, in each direction: 10%
    silent: bool = False  # whether the checksum is made right, so that nobody notices

    def problems(self) -> tuple[str, ...]:
        """A share is above nothing and at most everything."""
        found = [*super().problems(), *wrong("share", self.share, parse_share)]
        return (*found, *wrong_flag("silent", self.silent))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """netem cannot mend a checksum."""
        effect: dict[str, Any] = {"corrupt": parse_share(self.share)}
        words = f"a bit flipped in {self.share} of the packets"
        if self.silent:
            effect["silent"] = True
            words += ", with a right checksum"
        ways = ("queue",) if self.silent else self.ways
        return self.harmed(picked, site, effect=effect, words=words, ways=ways)


inject = action(Corruption)
