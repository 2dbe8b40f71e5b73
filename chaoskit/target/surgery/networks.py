"""Connecting a container as it was connected before: same address, same names."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import docker
import docker.errors
from docker.models.containers import Container

_SHORT_ID = 12
_NOT_TO_BE_HAD = ("user configured subnets", "Address already in use")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A container's place on one network, as far as somebody asked for it."""

    network: str
    network_id: str = ""
    address: str = ""  # IPv4; "" when it had none
    static: bool = False  # whether somebody asked for that address
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @classmethod
    def of(cls, network: str, endpoint: Mapping[str, Any], container: str) -> Self:
        """From what the engine says about a container. It adds the short id by itself."""
        aliases = [one for one in endpoint.get("Aliases") or () if one != container[:_SHORT_ID]]
        wanted = endpoint.get("IPAMConfig") or {}
        return cls(
            network=network,
            network_id=endpoint.get("NetworkID") or "",
            address=endpoint.get("IPAddress") or wanted.get("IPv4Address") or "",
            static=bool(wanted.get("IPv4Address")),
            aliases=tuple(aliases),
            links=tuple(endpoint.get("Links") or ()),
        )

    def config(self, client: docker.DockerClient) -> dict[str, Any]:
        """The engine's form of it, for a container that is to be created."""
        asked: dict[str, Any] = {"ipv4_address": self.address} if self.static else {}
        create: Any = client.api.create_endpoint_config
        made: dict[str, Any] = create(
            aliases=list(self.aliases) or None, links=list(self.links) or None, **asked
        )
        return made


def cannot_have_address(error: docker.errors.APIError) -> bool:
    """Whether the engine objects to the address that was asked for.

    Only networks with a subnet of the user's own let one be asked for, and only one that is free.
    """
    words = str(error.explanation or error)
    return any(one in words for one in _NOT_TO_BE_HAD)


def join(client: docker.DockerClient, container: str, place: Endpoint) -> None:
    """Connect, with the same address where it is to be had.

    An address that nobody asked for before is asked for only if the engine would give another one:
    a container keeps what was asked for, and it could not start again if somebody else had it then.
    """
    if place.static:
        _join_at(client, container, place)
        return
    _connect(client, container, place, address="")
    now = _address(client, container, place.network)
    if place.address and now and now != place.address:
        client.api.disconnect_container_from_network(container, place.network)
        _join_at(client, container, place)


def _join_at(client: docker.DockerClient, container: str, place: Endpoint) -> None:
    try:
        _connect(client, container, place, address=place.address)
    except docker.errors.APIError as error:
        if not cannot_have_address(error):
            raise
        # On a container that runs, the engine may have noted the network before it failed.
        with suppress(docker.errors.APIError):
            client.api.disconnect_container_from_network(container, place.network)
        _connect(client, container, place, address="")


def _connect(client: docker.DockerClient, container: str, place: Endpoint, *, address: str) -> None:
    connect: Any = client.api.connect_container_to_network
    names = {"aliases": list(place.aliases) or None, "links": list(place.links) or None}
    connect(container, place.network, ipv4_address=address or None, **names)


def _address(client: docker.DockerClient, container: str, network: str) -> str:
    """What it has there now; "" while it does not run."""
    attrs = client.api.inspect_container(container)
    endpoint = (attrs["NetworkSettings"]["Networks"] or {}).get(network) or {}
    return str(endpoint.get("IPAddress") or "")


def is_gone(client: docker.DockerClient, network_id: str) -> bool:
    """Whether that very network was removed, whoever has its name now."""
    try:
        client.api.inspect_network(network_id)
    except docker.errors.NotFound:
        return True
    return False


def start(client: docker.DockerClient, container: Container) -> None:
    """Start it; a network that was removed and made anew meanwhile is joined again.

    The engine remembers the network itself, not its name.
    """
    try:
        container.start()
    except docker.errors.NotFound:
        for place in _places(container):
            if is_gone(client, place.network_id) and not is_gone(client, place.network):
                client.api.disconnect_container_from_network(container.id or "", place.network)
                join(client, container.id or "", place)
        container.start()


def lost(client: docker.DockerClient, container: Container) -> str:
    """The network without which nobody can start it: gone, and none has its name; or ""."""
    names = (
        one.network
        for one in _places(container)
        if one.network_id and is_gone(client, one.network_id) and is_gone(client, one.network)
    )
    return next(names, "")


def _places(container: Container) -> list[Endpoint]:
    networks = container.attrs["NetworkSettings"]["Networks"] or {}
    return [Endpoint.of(name, one, container.id or "") for name, one in networks.items()]
