"""Fault `bandwidth`: the line to an instance carries only so much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.packets import PacketFault, wrong
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_rate

_LEAST_BITS_PER_S = 16_000  # below, not even one full packet a second could be measured
_MOST_BITS_PER_S = 10e9
_QUEUE_S = 0.4  # of the rate: what waits before the slow line; the rest is dropped
_LEAST_QUEUE_BYTES = 10 * 1514


@dataclass(frozen=True, kw_only=True)
class Bandwidth(PacketFault):
    """Limit how many bits a second an instance may send, receive, or both.

    What: packets wait before a slow line, up to 0.4 s of it (or ten full packets), and those for
    which there is no room are dropped, as a router does. Each direction has the whole `rate`, and
    all connections share it. Bits are counted as on the wire, headers included.

    Mechanism: a token bucket of the kernel (tbf) at the instance's own device for what goes out,
    and at the host's end of the veth pair for what comes in. With a filter, or where a fault of
    ours is at that device already: a netfilter queue that a helper of the agent reads. Proven by a
    transfer each way between the instance and a witness, whose rate must be within 10 %, or the
    fault refuses itself.

    Undo: exactly our qdiscs, by their handle, or our rules, by their comment, are removed, and
    none is listed afterwards. What waits before the bucket at that moment is lost.

    Limits: IPv4 in the queue, everything in the bucket. A network that another instance of the
    target shares is not slowed for that one. From 16kbit to 10gbit, if the machine can do that
    without the fault.
    """

    name = "bandwidth"
    ways = ("shaper", "queue")
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "rate": "2mbit", "duration": "10s"}

    rate: str  # of each direction: 2mbit

    def problems(self) -> tuple[str, ...]:
        """A rate that can be measured."""
        found = [*super().problems(), *wrong("rate", self.rate, parse_rate)]
        if found:
            return tuple(found)
        if not _LEAST_BITS_PER_S <= parse_rate(self.rate) <= _MOST_BITS_PER_S:
            found.append(
                f"rate: {self.rate} cannot be kept and measured; choose from 16kbit to 10gbit, or "
                "the fault blackhole for nothing at all"
            )
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """A bucket takes everything, so that a filter needs the queue."""
        rate = parse_rate(self.rate) / 8
        room_bytes = max(_QUEUE_S * rate, _LEAST_QUEUE_BYTES)
        effect = {"rate_bytes_per_s": rate, "room_bytes": room_bytes}
        ways = ("queue",) if self.filtered else self.ways
        return self.harmed(picked, site, effect=effect, words=f"{self.rate} each way", ways=ways)


inject = action(Bandwidth)
