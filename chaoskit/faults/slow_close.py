"""Fault `slow_close`: connections do not end when they are ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action, wrong_duration
from chaoskit.faults.parts.proxied import ProxyFault
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class SlowClose(ProxyFault):
    """Hold the end of TCP connections back, so that the other side does not hear of it.

    What: when either side closes, or half-closes, its FIN reaches the other one only `delay` later,
    or not before the fault is lifted. Data passes as ever, and so does a reset. Connections pile
    up in FIN-WAIT and CLOSE-WAIT, pools fill, and who reads to the end waits.

    Mechanism: iptables REDIRECT to a proxy of ours in the instance's own network, which passes all
    bytes on at once and the ends late. Proven by a connection of the agent to a canned service
    behind the proxy: within 5 % (or 1 ms) of the promise each way, or refused. A delay above 150 ms
    is tried with 150 ms, and its evidence says so.

    Undo: the rules are deleted and none is listed afterwards; ends that are held back are passed
    on, connections that are still open are reset; the proxy ends.

    Limits: TCP over IPv4. Connections that were open before are not touched (`existing: reset`
    makes their clients open new ones). With direction in, the service sees a local address as its
    client, and what the instance sends to itself over loopback does not pass the proxy. A connect to
    a service that is down succeeds, and is reset then.
    """

    name = "slow_close"
    family = "network"
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "port": 80, "delay": "5s"}

    delay: str | None = None  # how late an end arrives; absent: when the fault is lifted

    def problems(self) -> tuple[str, ...]:
        """The delay must be a duration above zero."""
        found = [*super().problems(), *wrong_duration("delay", self.delay)]
        if not found and self.delay is not None and parse_duration(self.delay) == 0:
            found.append("delay: 0 changes nothing; give a duration such as 5s, or leave it out")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One proxy for each instance."""
        delay_s = parse_duration(self.delay) if self.delay is not None else None
        words = f"ends arrive {self.delay} late" if self.delay else "ends arrive when it is lifted"
        return self.proxied(picked, site, harm={"close_delay_s": delay_s}, words=words)


inject = action(SlowClose)
