"""Names become addresses once, before sampling: a resolver's pause must not look like an outage."""

import socket
from dataclasses import dataclass, field
from typing import Any

Address = tuple[int, Any]  # address family, and what connect() wants


@dataclass
class Names:
    """Addresses of the hosts that the probes talk to."""

    live: bool = True  # may still ask the resolver, which can block
    _hosts: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)

    def of(self, host: str, port: int) -> tuple[Address, ...]:
        """The addresses to try, in the resolver's order; none when the name does not resolve."""
        if host not in self._hosts:
            self._hosts[host] = self._look_up(host)
        return tuple(
            (family, (numeric, port, 0, 0) if family == socket.AF_INET6 else (numeric, port))
            for family, numeric in self._hosts[host]
        )

    def frozen(self) -> "Names":
        """The same knowledge, for use while sampling: only numeric hosts are new to it."""
        return Names(live=False, _hosts=self._hosts)

    def _look_up(self, host: str) -> tuple[tuple[int, str], ...]:
        flags = 0 if self.live else socket.AI_NUMERICHOST
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
        except (OSError, UnicodeError):
            return ()
        return tuple(dict.fromkeys((int(family), str(address[0])) for family, *_, address in found))
