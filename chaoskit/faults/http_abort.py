"""Fault `http_abort`: the connection breaks under a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import action
from chaoskit.faults.parts.http_filter import HttpFault, wrong_side

WAYS_TO_END = ("reset", "close")


@dataclass(frozen=True, kw_only=True)
class HttpAbort(HttpFault):
    """Break the connection that an HTTP request came on, instead of answering it.

    What: the connection is reset (`how: reset`), or closed without a word (`how: close`), when the
    request has come (`side: request`), or when the service has done it and would answer
    (`side: answer`). Other requests on the same connection go down with it.

    Mechanism: iptables REDIRECT to a proxy of ours in the instance's own network, which asks the
    kernel where the connection was meant to go and reads the requests on it. Proven by a
    request of the agent to a canned service behind the proxy; a share is measured over 200.

    Undo: the rules are deleted and none is listed afterwards; exchanges that are under way get
    0.3 s to end, idle connections are closed, the rest is reset; the proxy ends.

    Limits: HTTP/1 over IPv4. TLS, HTTP/2 and whatever is not HTTP/1 is passed on unharmed and
    counted; when nothing else came, the fault counts as not in effect. Connections that were open
    before are not touched (`existing: reset` makes their clients open new ones). With direction in,
    the service sees a local address as its client, and what the instance sends to itself over
    loopback does not pass the proxy. Pipelined requests are passed on one at a time. A connect to a
    service that is down succeeds, and is reset then.
    """

    name = "http_abort"
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "port": 80,
        "share": "20%",
        "method": ["POST", "PUT"],
    }

    how: str = "reset"  # reset, or close: the end of the connection, without an answer
    side: str = "request"  # request: the service never sees it; answer: it was done all the same

    def problems(self) -> tuple[str, ...]:
        """How and where must be known ones."""
        found = [*super().problems(), *wrong_side(self.side)]
        if self.how not in WAYS_TO_END:
            found.append(f"how: {self.how!r}; choose from {', '.join(WAYS_TO_END)}")
        return tuple(found)

    def effect(self) -> Mapping[str, Any]:
        """See HttpFault."""
        return {"what": "abort", "how": self.how, "at": self.side}

    def words(self) -> str:
        """See HttpFault."""
        return f"each request that is hit ends in a {self.how}"


inject = action(HttpAbort)
