"""Fault `dns_slow`: some names take long to be resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action, wrong_duration
from chaoskit.faults.parts.naming import NameFault
from chaoskit.model.faults import Instance
from chaoskit.model.quantities import parse_duration

SHORTEST_S, LONGEST_S = 0.01, 60.0


@dataclass(frozen=True, kw_only=True)
class DnsSlow(NameFault):
    """Let answers to DNS queries come late: for all names, or for those of a pattern.

    What: each answer for the names is kept back by `delay`, in addition to the time that the name
    server takes. Resolvers ask again or give up after their own time-out (glibc: 5 s).

    Mechanism: a DNS proxy in the instance's network, and iptables REDIRECT in front of the engine's
    own rules for port 53 of the instance's name servers, UDP and TCP. Proven by real queries from
    inside: the median delay of nine, against nine that go round the proxy, is within 5 % (and
    2 ms) of the promise; of a delay above 2 s it is only proven that no answer comes within that time.

    Undo: the rules with our comment are deleted, the proxy ends, and the kernel forgets the flows.

    Limits: as those of dns_failure. Refused when the name server does not answer for the name that
    it is proven with: name one that exists in `ask`.
    """

    name = "dns_slow"
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "names": "db*", "delay": "200ms"}

    delay: str  # added to each answer: 200ms

    def problems(self) -> tuple[str, ...]:
        """The delay must be one that can be kept."""
        found = [*super().problems(), *wrong_duration("delay", str(self.delay))]
        if len(found) == len(super().problems()) and not SHORTEST_S <= self.delay_s <= LONGEST_S:
            found.append(f"delay: {self.delay} is not possible; choose from 10ms to 60s")
        return tuple(found)

    @property
    def delay_s(self) -> float:
        """Seconds added to each answer."""
        return parse_duration(self.delay)

    def treatment(self, instance: Instance, site: Site) -> dict[str, Any]:  # noqa: ARG002
        """The delay."""
        return {"mode": "slow", "delay_s": self.delay_s}


inject = action(DnsSlow)
