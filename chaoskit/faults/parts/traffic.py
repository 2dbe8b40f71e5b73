"""What the faults of the network have in common: whose packets, on which port, which way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import HeldFault, Site
from chaoskit.model.faults import Instance

DIRECTIONS = {"both": ("in", "out"), "in": ("in",), "out": ("out",)}
PROTOCOLS = ("all", "tcp", "udp")
_MOST_PORTS = 15


@dataclass(frozen=True, kw_only=True)
class TrafficFault(HeldFault):
    """A held fault of some of an instance's packets: all of them, when nothing else is said."""

    protocols: ClassVar[tuple[str, ...]] = PROTOCOLS  # that the mechanism can tell apart

    peer: str | list[str] | None = None  # services or instances at the other end; absent: everybody
    port: int | list[int] | None = None  # the server's side of a connection; absent: every port
    protocol: str = "all"  # all, tcp or udp
    direction: str = "both"  # both, in or out, seen from the picked instance

    def problems(self) -> tuple[str, ...]:
        """Direction and protocol must be known ones, and ports be ports."""
        found = list(super().problems())
        if self.direction not in DIRECTIONS:
            choices = ", ".join(DIRECTIONS)
            found.append(f"direction: {self.direction!r} is unknown; choose from {choices}")
        if self.protocol not in self.protocols:
            choices = ", ".join(self.protocols)
            found.append(f"protocol: {self.protocol!r} is not possible here; choose from {choices}")
        if wrong := [one for one in self.ports if not 0 < one < 65536]:
            found.append(f"port: {wrong[0]} is no port; choose from 1 to 65535")
        if len(self.ports) > _MOST_PORTS:
            found.append(f"port: {len(self.ports)} ports; at most {_MOST_PORTS} in one fault")
        return tuple(found)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are meant; empty: every one."""
        if self.port is None:
            return ()
        return (self.port,) if isinstance(self.port, int) else tuple(self.port)

    def rules(self, instance: Instance, site: Site) -> list[dict[str, Any]]:
        """The packets that are meant, as data for the agent: see chaoskit.agent.network.packets.

        Each rule also has `peer_pid` (0: nobody to prove it with) and `local`, our address there.
        Raises FaultRefused when the instance shares no network with any of the peers.
        """
        common = {"protocol": self.protocol, "ports": list(self.ports)}
        if self.peer is None:
            ends: list[dict[str, Any]] = [{"peer": "any", "peer_pid": 0, "local": ""}]
        else:
            names = [self.peer] if isinstance(self.peer, str) else self.peer
            ends = list(ends_between(instance, named(names, site)))
            if not ends:
                words = ", ".join(names)
                message = f"{instance.name} shares no network with a running instance of {words}"
                raise FaultRefused(message)
        ways = DIRECTIONS[self.direction]
        return [{"direction": way, **end, **common} for end in ends for way in ways]

    def witness(self, instance: Instance, site: Site) -> dict[str, Any]:
        """Another running instance on a common network, to measure with; {} when there is none.

        One of the peers, if the fault names any.
        """
        if self.peer is not None:
            names: Sequence[str] = [self.peer] if isinstance(self.peer, str) else self.peer
        else:
            names = site.services()
        for end in ends_between(instance, named(names, site)):
            return {"pid": end["peer_pid"], "address": end["peer"], "local": end["local"]}
        return {}


def named(names: Sequence[str], site: Site) -> list[Instance]:
    """The running instances of services, or the instances, of these names. Raises FaultRefused."""
    found: list[Instance] = []
    services = site.services()
    for name in names:
        service, _, number = name.rpartition("-")
        if name not in services and number.isdigit() and service in services:
            found += [one for one in site.instances(service) if one.name == name]
        else:
            found += site.instances(name)
    return [one for one in found if one.running]


def ends_between(instance: Instance, others: Sequence[Instance]) -> Iterator[dict[str, Any]]:
    """`{"peer", "peer_pid", "local"}` for each network that an instance shares with another."""
    for other in others:
        if other.id == instance.id or not other.running:
            continue
        for network in sorted(instance.addresses.keys() & other.addresses.keys()):
            yield {
                "peer": other.addresses[network],
                "peer_pid": other.pid,
                "local": instance.addresses[network],
            }
