"""Fault `latency`: the network of an instance becomes slow, evenly or not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.packets import PacketFault, wrong
from chaoskit.faults.parts.traffic import DIRECTIONS
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_duration

DISTRIBUTIONS = ("uniform", "normal", "pareto")
_NORMAL_PART = 3  # of the delay: a normal jitter above would be cut off at zero, and delay more


@dataclass(frozen=True, kw_only=True)
class Latency(PacketFault):
    """Make an instance's packets wait, so that every round trip takes longer.

    What: a packet and its answer together take `delay` longer, whichever direction is named:
    `both` puts half of it on each way, `in` and `out` all of it on one. So a request on an open
    connection takes `delay` more, and one on a new connection twice that. `jitter` varies it:
    `uniform` keeps each round trip within `jitter` of `delay`; with `normal` and `pareto` it is
    the standard deviation, and `pareto` has a few that take much longer.

    Mechanism: netem where the kernel has it: at the instance's own device for what goes out, at the
    host's end of the veth pair for what comes in, and only for the filtered packets if there is a
    filter. Elsewhere, or where a fault of ours is at that device already, packets wait in a
    netfilter queue that a helper of the agent reads. Proven by 20 round trips with a witness (100
    with jitter): the median (the mean with jitter) must be within 5 % of `delay` or within 2 ms, or
    the fault refuses itself.

    Undo: exactly our qdiscs, by their handle, or our rules, by their comment, are removed, and
    none is listed afterwards. What waits in the queue goes on its way at once; what netem holds at
    that moment is lost.

    Limits: IPv4. Through the queue, the packets of one TCP connection keep their order whatever
    the jitter, datagrams do not; netem lets both overtake. Above 1.5 s a round trip, only that
    nothing comes back within 1 s is seen. The queue's helper carries some 40 MB/s of TCP on an
    ordinary core; what it cannot take goes through undelayed, is counted, and above 1 % the check
    fails. On a machine whose cores are all busy it wakes late, and the fault may refuse itself.
    """

    name = "latency"
    ways = ("netem", "queue")
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "delay": "100ms",
        "jitter": "20ms",
        "duration": "10s",
    }

    delay: str  # added to each round trip: 100ms
    jitter: str | None = None  # how much it varies: 20ms; absent: not at all
    distribution: str = "uniform"  # of the jitter: uniform, normal or pareto

    def problems(self) -> tuple[str, ...]:
        """Jitter is at most the delay: a wait cannot be negative."""
        found = [*super().problems(), *wrong("delay", self.delay, parse_duration)]
        if self.jitter is not None:
            found += wrong("jitter", self.jitter, parse_duration)
        if self.distribution not in DISTRIBUTIONS:
            choices = ", ".join(DISTRIBUTIONS)
            found.append(f"distribution: {self.distribution!r} is unknown; choose from {choices}")
        return tuple(found) or self._problems_of_jitter()

    def _problems_of_jitter(self) -> tuple[str, ...]:
        if self.jitter is None:
            return ()
        normal = self.distribution == "normal"
        if parse_duration(self.jitter) * (_NORMAL_PART if normal else 1) <= parse_duration(
            self.delay
        ):
            return ()
        limit = "a third of the delay" if normal else "the delay"
        return (
            f"jitter: {self.jitter} is above {limit}, {self.delay}, and a wait cannot be negative; "
            "choose less, or the fault reordering",
        )

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """The delay is shared out over the directions, and so is what it varies by."""
        number = len(DIRECTIONS[self.direction])
        effect: dict[str, Any] = {"delay_s": parse_duration(self.delay) / number}
        words = f"{self.delay} a round trip"
        if self.jitter is not None:
            # Bounds add up; of standard deviations, the squares do.
            share = number if self.distribution == "uniform" else math.sqrt(number)
            effect["jitter_s"] = parse_duration(self.jitter) / share
            effect["distribution"] = self.distribution
            words += f" ± {self.jitter} ({self.distribution})"
        return self.harmed(picked, site, effect=effect, words=words, ways=self.ways)


inject = action(Latency)
