"""What is to become of a packet: the promises of a fault, kept packet by packet.

An effect is data from a fault; what is absent does not happen:

    delay_s, jitter_s, distribution   how long a packet waits; uniform, normal or pareto
    loss, corrupt, duplicate          the share of packets that it happens to
    silent                            a corrupted packet gets a right checksum
    hold, hold_s                      the share that is held back for so long, so that the packets
                                      behind overtake it
    rate_bytes_per_s                  as a line of that rate with a queue of `room_bytes` before it
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from chaoskit.agent.kind import Params
from chaoskit.agent.network import ipv4

_FRAME_BYTES = 14  # of an Ethernet header: a line's rate counts it, as the kernel's own shapers do
_UNCUT_BYTES = 1500  # what is larger stands for several packets, each with headers of its own
_HEADERS_BYTES = _FRAME_BYTES + 20 + 32
_SEGMENT_BYTES = 1448
_PARETO_SHAPE = 3.0  # mean 3/2 and variance 3/4
_MOST_FLOWS = 50_000  # whose order is remembered


@dataclass(frozen=True, slots=True)
class Fate:
    """The decision on one packet."""

    due_s: float = 0.0  # when it may go on its way; on the clock that was asked with
    lost: bool = False
    data: bytes | None = None  # other bytes than it had
    copies: int = 0


@dataclass(kw_only=True)
class Counts:
    """What happened to how many packets."""

    seen: int = 0
    lost: int = 0
    corrupted: int = 0
    duplicated: int = 0
    held_back: int = 0
    bytes: int = 0  # that passed the slow line, with frames
    over_limit: int = 0  # lost because the queue before the slow line was full


@dataclass(kw_only=True)
class Decider:
    """Decides about the packets of one direction."""

    effect: Params
    rng: Random
    counts: Counts = field(default_factory=Counts)
    _line_free_s: float = 0.0
    _last_due_s: dict[bytes, float] = field(default_factory=dict)
    _wait_s: Callable[[], float] = field(init=False)

    def __post_init__(self) -> None:
        """Choose how waits are drawn."""
        self._wait_s = waits(self.effect, self.rng)

    def decide(self, data: bytes, now_s: float) -> Fate:
        """The fate of a packet that came in at `now_s`."""
        self.counts.seen += 1
        if self._happens("loss"):
            self.counts.lost += 1
            return Fate(lost=True)
        due_s = now_s + self._wait_s()
        if self._happens("hold"):
            self.counts.held_back += 1
            due_s += self.effect["hold_s"]
        elif self.effect.get("jitter_s") and ipv4.protocol(data) == ipv4.TCP:
            due_s = self._in_order(data, due_s, now_s)
        if "rate_bytes_per_s" in self.effect:
            through_s = self._through_the_line(_on_the_line(ipv4.length(data)), due_s)
            if through_s is None:
                self.counts.over_limit += 1
                return Fate(lost=True)
            due_s = through_s
        copies = int(self._happens("duplicate"))
        self.counts.duplicated += copies
        return Fate(due_s=due_s, data=self._altered(data), copies=copies)

    def _happens(self, share: str) -> bool:
        probability: float = self.effect.get(share, 0.0)
        return probability > 0 and self.rng.random() < probability

    def _in_order(self, data: bytes, due_s: float, now_s: float) -> float:
        """Not before the packet that the same connection sent before it."""
        last = self._last_due_s
        if len(last) >= _MOST_FLOWS:
            self._last_due_s = last = {one: at_s for one, at_s in last.items() if at_s > now_s}
        flow = ipv4.flow(data)
        last[flow] = due_s = max(due_s, last.get(flow, 0.0))
        return due_s

    def _through_the_line(self, size_bytes: int, ready_s: float) -> float | None:
        """When a packet has passed the slow line; None when the queue before it is full."""
        rate = self.effect["rate_bytes_per_s"]
        start_s = max(ready_s, self._line_free_s)
        if (start_s - ready_s) * rate + size_bytes > self.effect["room_bytes"]:
            return None
        self.counts.bytes += size_bytes
        self._line_free_s = start_s + size_bytes / rate
        return self._line_free_s

    def _altered(self, data: bytes) -> bytes | None:
        if not self._happens("corrupt"):
            return None
        other = corrupted(data, self.rng, silent=bool(self.effect.get("silent")))
        self.counts.corrupted += other is not None
        return other


def _on_the_line(size_bytes: int) -> int:
    """The bytes that a packet takes on the line, once it is cut into what a line carries."""
    more = max(0, size_bytes - _UNCUT_BYTES)
    return size_bytes + _FRAME_BYTES + -(-more // _SEGMENT_BYTES) * _HEADERS_BYTES


def waits(effect: Params, rng: Random) -> Callable[[], float]:
    """A function that draws how long a packet waits, in seconds.

    Uniform: within `jitter_s` of `delay_s`. Normal and pareto: `jitter_s` is the standard
    deviation and `delay_s` the mean; the Pareto distribution is of shape 3, moved to that mean.
    """
    delay_s, jitter_s = effect.get("delay_s", 0.0), effect.get("jitter_s", 0.0)
    if not jitter_s:
        return lambda: delay_s
    distribution = effect.get("distribution", "uniform")
    if distribution == "normal":
        return lambda: max(0.0, rng.gauss(delay_s, jitter_s))
    if distribution == "pareto":
        mean, deviation = 1.5, math.sqrt(0.75)
        stretch = jitter_s / deviation
        return lambda: max(0.0, delay_s + (rng.paretovariate(_PARETO_SHAPE) - mean) * stretch)
    return lambda: rng.uniform(delay_s - jitter_s, delay_s + jitter_s)


def corrupted(data: bytes, rng: Random, *, silent: bool) -> bytes | None:
    """The packet with one bit of its contents flipped; None when there is nothing to flip.

    Silent: the checksum is made right, so that the receiver takes it for good. Otherwise a packet
    without contents has a bit of its transport header flipped, and the receiver drops it.
    """
    start = ipv4.contents_at(data)
    if start >= len(data):
        if silent:
            return None
        start = (data[0] & 0x0F) * 4
    if start >= len(data):
        return None
    bit = rng.randrange((len(data) - start) * 8)
    other = bytearray(data)
    other[start + bit // 8] ^= 1 << bit % 8
    return ipv4.mended(bytes(other)) if silent else bytes(other)
