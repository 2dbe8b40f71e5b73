"""Fault `dns_failure`: some names cannot be resolved any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.naming import NameFault
from chaoskit.model.faults import Instance

MODES = ("nxdomain", "servfail", "refused", "timeout")


@dataclass(frozen=True, kw_only=True)
class DnsFailure(NameFault):
    """Let name resolution fail for an instance: for all names, or for those of a pattern.

    What: queries for the names are answered with an error, or (`mode: timeout`) not at all. A name
    is meant with and without the search domains of the instance. All other names are resolved as
    ever, byte for byte.

    Mechanism: a DNS proxy in the instance's network, and iptables REDIRECT in front of the engine's
    own rules for port 53 of the instance's name servers, UDP and TCP. Proven by real queries from
    inside: a name that is meant gets the error from each name server, another one the very bytes
    that the name server sends. Queries that are answered meanwhile by sockets that stay open are
    caught too: the kernel is made to forget those flows.

    Undo: the rules with our comment are deleted, the proxy ends, and the flows are forgotten again.

    Limits: name servers of /etc/resolv.conf with IPv4 addresses. What the application, its runtime
    or a caching daemon inside the instance remembers stays known until that forgets it. A TCP
    connection to a name server that was open before is not touched. /etc/hosts and DNS over TLS or
    HTTPS are not DNS queries.
    """

    name = "dns_failure"
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "names": "db", "mode": "servfail"}

    mode: str = "nxdomain"  # nxdomain, servfail, refused, or timeout: no answer at all

    def problems(self) -> tuple[str, ...]:
        """The mode must be a known one."""
        if self.mode in MODES:
            return super().problems()
        words = f"mode: {self.mode!r} is unknown; choose from {', '.join(MODES)}"
        return (*super().problems(), words)

    def treatment(self, instance: Instance, site: Site) -> dict[str, Any]:  # noqa: ARG002
        """The error."""
        return {"mode": self.mode}


inject = action(DnsFailure)
