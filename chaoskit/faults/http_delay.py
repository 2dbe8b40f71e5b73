"""Fault `http_delay`: requests take longer, and nothing else about them changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import action, wrong_duration
from chaoskit.faults.parts.http_filter import HttpFault, wrong_side
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class HttpDelay(HttpFault):
    """Hold HTTP requests, or the answers to them, back for a while.

    What: a request waits before the service sees it (`side: request`), or the service does its work
    at once and its answer waits (`side: answer`). The second is how work is done twice: the client
    gives up and asks again.

    Mechanism: iptables REDIRECT to a proxy of ours in the instance's own network, which asks the
    kernel where the connection was meant to go and reads the requests on it. Proven by requests of the
    agent to a canned service behind the proxy: within 5 % (or 1 ms) of the promise, or refused. A
    delay above 300 ms is tried with 300 ms, and its evidence says so.

    Undo: the rules are deleted and none is listed afterwards; exchanges that are under way get
    0.3 s to end, idle connections are closed, the rest is reset; the proxy ends.

    Limits: HTTP/1 over IPv4. TLS, HTTP/2 and whatever is not HTTP/1 is passed on unharmed and
    counted; when nothing else came, the fault counts as not in effect. Connections that were open
    before are not touched (`existing: reset` makes their clients open new ones). With direction in,
    the service sees a local address as its client, and what the instance sends to itself over
    loopback does not pass the proxy. Pipelined requests are passed on one at a time. A connect to a
    service that is down succeeds, and is reset then.
    """

    name = "http_delay"
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "port": 80,
        "delay": "200ms",
        "share": "50%",
        "path": "/api/*",
    }

    delay: str  # how long each request that is hit waits
    side: str = "request"  # request: before the service sees it; answer: when it was done

    def problems(self) -> tuple[str, ...]:
        """The delay must be a duration above zero."""
        found = [*super().problems(), *wrong_side(self.side)]
        found += wrong_duration("delay", self.delay)
        if not found and parse_duration(self.delay) == 0:
            found.append("delay: 0 changes nothing; give a duration such as 100ms")
        return tuple(found)

    def effect(self) -> Mapping[str, Any]:
        """See HttpFault."""
        return {"what": "delay", "delay_s": parse_duration(self.delay), "at": self.side}

    def words(self) -> str:
        """See HttpFault."""
        return f"each {self.side} that is hit waits {self.delay}"


inject = action(HttpDelay)
