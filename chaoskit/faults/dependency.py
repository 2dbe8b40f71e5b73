"""Fault `dependency`: what a service depends on is taken away from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.firewalled import ANSWERS, cut, firewall, wrong_answer
from chaoskit.faults.parts.traffic import named
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Dependency(HeldFault):
    """Take a dependency away from a service: everything between the two, for everybody in both.

    What: no packet passes between the picked instances and any instance of the services in `to`, on
    any network that they share, in either direction. Everybody else still reaches both.
    `answer: silence` looks like a dead machine, `answer: refusal` like a stopped service.

    Mechanism: iptables rules in the network namespaces of both ends, marked with a comment; proven
    by their listing and by packets of our own. Because both ends are closed, a restart of either
    does not open the way again as long as its address stays.

    Undo: exactly the rules with our comment are deleted at both ends, and none is listed
    afterwards.

    Limits: IPv4. An instance that is *replaced* and gets an address that nobody had at injection is
    reachable again: which address that will be is known to the engine alone, and closing the whole
    subnet would take other services away too. The name still resolves.
    """

    name = "dependency"
    family = "dependency"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "to": "db", "duration": "10s"}

    to: str | list[str]  # the services (or instances) to be taken away
    pick: str = "all"  # all, any, a role such as primary, or an instance such as web-2
    answer: str = "silence"  # silence, or refusal: the sender is told that nobody is there

    def problems(self) -> tuple[str, ...]:
        """`to` must name something else than the service itself."""
        found = [*super().problems(), *wrong_answer(self.answer)]
        names: Any = [self.to] if isinstance(self.to, str) else self.to
        if not isinstance(names, list) or not names or not all(isinstance(x, str) for x in names):
            found.append(f"to: {self.to!r} is not a service or a list of services")
        elif self.service in names:
            found.append(
                f"to: {self.service!r} is the service itself; choose another one, or the fault "
                "split for a partition within one service"
            )
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """Rules at both ends."""
        names = [self.to] if isinstance(self.to, str) else self.to
        others = named(names, site)
        act = ANSWERS[self.answer]
        # What comes in is refused at the other end, as a stopped service would: a refusal of what
        # goes out is an error of the sender's own kernel.
        ways = "in" if act == "reset" else "both"
        found = []
        for side, far in ((picked, others), (others, picked)):
            for instance in side:
                rules = list(cut(instance, far, ways, action=act, protocol="all", ports=[]))
                if rules:
                    found.append(firewall(instance, rules, self._words(far)))
        if not found:
            message = (
                f"{self.service} shares no network with a running instance of {', '.join(names)}"
            )
            raise FaultRefused(message)
        return tuple(found)

    def _words(self, far: Sequence[Instance]) -> str:
        target = "REJECT" if self.answer == "refusal" else "DROP"
        services = ", ".join(dict.fromkeys(one.service for one in far))
        return f"iptables {target}, both ways, at both ends, from {services}"


inject = action(Dependency)
