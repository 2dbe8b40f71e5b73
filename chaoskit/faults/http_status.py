"""Fault `http_status`: requests are answered with an error in the service's place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import action
from chaoskit.faults.parts.http_filter import HttpFault, are_headers, wrong_side

FRAMING = {"content-length", "transfer-encoding", "connection"}


@dataclass(frozen=True, kw_only=True)
class HttpStatus(HttpFault):
    """Answer HTTP requests with a status of our own.

    What: the client gets a 503, or whatever is asked for, with a header that names chaoskit. The
    service never sees the request (`side: request`), or does it and its answer is thrown away
    (`side: answer`): then what the client takes for a failure has happened.

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

    name = "http_status"
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "port": 80,
        "status": 503,
        "share": "30%",
    }

    status: int = 503  # 200 to 599
    text: str = ""  # the body of the answer
    headers: dict[str, str] | None = None  # of the answer, such as retry-after
    side: str = "request"  # request: the service never sees it; answer: it was done all the same

    def problems(self) -> tuple[str, ...]:
        """The status must be one that ends an exchange, and the headers fit on lines."""
        found = [*super().problems(), *wrong_side(self.side)]
        if isinstance(self.status, bool) or not isinstance(self.status, int):
            found.append(f"status: {self.status!r} is not a number; give one from 200 to 599")
        elif not 200 <= self.status <= 599:
            found.append(f"status: {self.status} ends no exchange; give one from 200 to 599")
        given = self.headers or {}
        if not are_headers(given):
            found.append(f"headers: {self.headers!r}; write names and values: {{retry-after: '1'}}")
        elif framing := {one.lower() for one in given} & FRAMING:
            found.append(f"headers: {min(framing)} is set by the answer itself; leave it out")
        return tuple(found)

    def effect(self) -> Mapping[str, Any]:
        """See HttpFault."""
        headers = dict(self.headers or {})
        common = {"what": "status", "at": self.side, "text": self.text}
        return {**common, "status": self.status, "headers": headers}

    def words(self) -> str:
        """See HttpFault."""
        return f"each request that is hit gets {self.status}"


inject = action(HttpStatus)
