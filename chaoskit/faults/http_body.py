"""Fault `http_body`: answers arrive cut off, altered, or as something else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import action
from chaoskit.faults.parts.http_filter import HttpFault
from chaoskit.model.quantities import parse_ratio, parse_size


@dataclass(frozen=True, kw_only=True)
class HttpBody(HttpFault):
    """Cut off, change or replace the body of HTTP answers.

    What: `keep` ends the connection after so many bytes of the body, though more were announced;
    `change` gives that share of the body's bytes another value, at least one; `replace` puts a text
    in its place, with the length that belongs to it. Status and headers are the service's.

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
    service that is down succeeds, and is reset then. Answers without a body
    are passed on as they are. A body that the service has compressed is changed as it is on the
    wire. Where only the end of the connection ends an answer, `keep` makes a short answer that
    looks whole.
    """

    name = "http_body"
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "port": 80,
        "keep": "100B",
        "path": "/download/*",
    }
    bodiless = "the answer to HEAD has no body that could be harmed; name another method"

    keep: str | None = None  # cut off after so many bytes, such as 1KiB
    change: str | float | None = None  # this share of the bytes, such as 1%
    replace: str | None = None  # this text instead

    def problems(self) -> tuple[str, ...]:
        """Exactly one thing can be done to a body."""
        found = list(super().problems())
        given = [one for one in ("keep", "change", "replace") if getattr(self, one) is not None]
        if len(given) != 1:
            found.append(f"{' and '.join(given) or 'keep'}: give one of keep, change or replace")
        try:
            _ = parse_size(self.keep) if self.keep is not None else 0
            if self.change is not None and parse_ratio(self.change) == 0:
                found.append("change: 0 changes nothing; give a share such as 1%")
        except ValueError as error:
            found.append(f"{given[0]}: {error}")
        return tuple(found)

    def effect(self) -> Mapping[str, Any]:
        """See HttpFault."""
        common = {"what": "body", "at": "answer"}
        if self.keep is not None:
            return {**common, "how": "truncate", "keep_bytes": parse_size(self.keep)}
        if self.change is not None:
            return {**common, "how": "change", "share": parse_ratio(self.change)}
        return {**common, "how": "replace", "text": self.replace or ""}

    def words(self) -> str:
        """See HttpFault."""
        if self.keep is not None:
            return f"the body of each answer that is hit ends after {self.keep}"
        if self.change is not None:
            return f"{self.change} of the body of each answer that is hit is changed"
        return "the body of each answer that is hit is replaced"


inject = action(HttpBody)
