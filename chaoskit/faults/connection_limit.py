"""Fault `connection_limit`: only so many connections at a time, as with an exhausted pool."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.firewalled import ANSWERS, ConnectionFault, firewall, wrong_answer
from chaoskit.model.faults import Instance, Operation

COUNTED = ("instance", "client")


@dataclass(frozen=True, kw_only=True)
class ConnectionLimit(ConnectionFault):
    """Let an instance have only so many TCP connections at the same time.

    What: an attempt to open one more is refused (`answer: refusal`) or not answered at all
    (`answer: silence`), as with an exhausted pool, a full accept queue, or a licence. `direction:
    in` counts what peers open to the instance, `out` what it opens to them. The limit holds for
    each named port (with no port: for all together), and `each: client` makes it one for each
    address at the other end. When peers are named, it holds for each address of theirs.

    Mechanism: iptables' `connlimit` match in the instance's network namespace; proven by opening
    connections of the agent's own until one is not let in, at most as many as the limit says.

    Undo: exactly the rules with our comment are deleted, and none is listed afterwards.

    Limits: TCP over IPv4. Connections that were open before the fault are not counted:
    `connection_reset` with `connections: existing` ends them first. Limits above 100 are not tried
    out, only listed. The proof calls the service itself where one listens on the port.
    """

    name = "connection_limit"
    family = "network"
    needs = ("firewall",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "limit": 5,
        "port": 80,
        "duration": "10s",
    }

    limit: int  # connections at the same time
    direction: str = "in"  # who opens the connection: in (a peer), out (the instance), or both
    each: str = "instance"  # the limit is one for the instance, or for each client
    answer: str = "refusal"  # to one too many: refusal, or silence

    def problems(self) -> tuple[str, ...]:
        """A limit is a number of connections; none at all is another fault."""
        found = [*super().problems(), *wrong_answer(self.answer)]
        if self.limit < 1:
            found.append(
                f"limit: {self.limit} lets nobody in; choose at least 1, or connection_reset "
                "with connections: new"
            )
        if self.each not in COUNTED:
            found.append(f"each: {self.each!r} is unknown; choose from {', '.join(COUNTED)}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One set of rules for each instance."""
        common = {
            "action": ANSWERS[self.answer],
            "limit": self.limit,
            "each_peer": self.each == "client",
        }
        words = f"iptables connlimit {self.limit}, {self.direction}, for each {self.each}"
        found = []
        for instance in picked:
            rules = [{**rule, **common} for rule in self.rules(instance, site)]
            seen_by = self.witness(instance, site)
            found.append(firewall(instance, rules, words, witness=seen_by))
        return tuple(found)


inject = action(ConnectionLimit)
