"""Fault `dns_wrong`: some names are resolved to the wrong address."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.naming import NameFault
from chaoskit.model.faults import Instance

_MOST = 16


@dataclass(frozen=True, kw_only=True)
class DnsWrong(NameFault):
    """Answer DNS queries with another address: for all names, or for those of a pattern.

    What: a query for an address of the names gets `answers`: IPv4 addresses, or the addresses of a
    service as they are at injection. Queries for IPv6 addresses get none; other kinds of queries
    pass. The answers may not be kept by anybody (their time to live is 0), so that lifting the
    fault ends it.

    Mechanism: a DNS proxy in the instance's network, and iptables REDIRECT in front of the engine's
    own rules for port 53 of the instance's name servers, UDP and TCP. Proven by real queries from
    inside: a name that is meant gets the wrong addresses, another one the very bytes that the name
    server sends.

    Undo: the rules with our comment are deleted, the proxy ends, and the kernel forgets the flows.

    Limits: as those of dns_failure. Who keeps answers for longer than their time to live says keeps
    the wrong one too.
    """

    name = "dns_wrong"
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "names": "db",
        "answers": "192.0.2.1",
    }

    answers: str | list[str]  # IPv4 addresses, or a service whose addresses are given

    def problems(self) -> tuple[str, ...]:
        """There must be answers, and what looks like an address must be one."""
        found = list(super().problems())
        given: Any = self._given()
        if not 0 < len(given) <= _MOST or not all(isinstance(one, str) and one for one in given):
            found.append(
                f"answers: {self.answers!r}; write an IPv4 address, a list of at most {_MOST}, or "
                "the name of a service"
            )
        elif wrong := [one for one in given if _looks_wrong(one)]:
            found.append(f"answers: {wrong[0]!r} is no IPv4 address; only those can be given")
        return tuple(found)

    def _given(self) -> list[Any]:
        return self.answers if isinstance(self.answers, list) else [self.answers]

    def treatment(self, instance: Instance, site: Site) -> dict[str, Any]:
        """The wrong addresses, where a service is named those on the instance's own networks."""
        found: list[str] = []
        for one in self._given():
            found += [one] if _is_address(one) else _addresses_of(one, instance, site)
        return {"mode": "wrong", "answers": list(dict.fromkeys(found))[:_MOST]}


def _addresses_of(service: str, instance: Instance, site: Site) -> list[str]:
    others = [one for one in site.instances(service) if one.running]
    common = [
        other.addresses[network]
        for other in others
        for network in sorted(instance.addresses.keys() & other.addresses.keys())
    ]
    if not common:
        message = f"{instance.name} shares no network with a running instance of {service}"
        raise FaultRefused(message)
    return common


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _looks_wrong(text: str) -> bool:
    """Whether somebody meant an address and did not write one: 10.0.0.300, or ::1."""
    return not _is_address(text) and (":" in text or text.replace(".", "").isdigit())


inject = action(DnsWrong)
