"""Where a running target is reached from outside: the addresses behind `${name}`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import docker
import docker.errors

from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.model.target import Entrypoint
from chaoskit.target.engine import Project

LOOPBACK = "127.0.0.1"

_REFERENCE = re.compile(r"\$\{([^}]*)\}")


def resolve(text: str, entrypoints: Mapping[str, str]) -> str:
    """The text with every `${name}` replaced by its address. Raises InputError."""

    def address_of(reference: re.Match[str]) -> str:
        name = reference[1]
        if name not in entrypoints:
            choices = ", ".join(sorted(entrypoints)) or "none, since the target has no entrypoints"
            message = f"${{{name}}} in {text!r} is not an entrypoint; choose from {choices}"
            raise InputError(message)
        return entrypoints[name]

    return _REFERENCE.sub(address_of, text)


def address(scheme: str, port: int) -> str:
    """An address that a probe of this scheme understands."""
    return f"{LOOPBACK}:{port}" if scheme == "tcp" else f"{scheme}://{LOOPBACK}:{port}"


def published(
    client: docker.DockerClient, project: str, entrypoints: Sequence[Entrypoint]
) -> dict[str, str]:
    """Entrypoint name → address, as the engine publishes them now. Raises EnvironmentUnfit."""
    return {one.name: address(one.scheme, _port_of(client, project, one)) for one in entrypoints}


def _port_of(client: docker.DockerClient, project: str, entrypoint: Entrypoint) -> int:
    for container in Project(name=project, client=client).containers(entrypoint.service):
        port = host_port(container.attrs, entrypoint.port)
        if port is not None:
            return port
    message = (
        f"{entrypoint.name}: no container of service {entrypoint.service!r} in {project} "
        f"publishes port {entrypoint.port}"
    )
    raise EnvironmentUnfit(message)


def host_port(attrs: Mapping[str, Any], port: int) -> int | None:
    """The host's port for a container's TCP port, from what the engine's inspect call says.

    What was asked for comes first, since a container that is down publishes nothing.
    """
    if attrs["HostConfig"].get("NetworkMode") == "host":
        return port
    for bindings in (
        attrs["HostConfig"].get("PortBindings") or {},
        attrs["NetworkSettings"].get("Ports") or {},
    ):
        for binding in bindings.get(f"{port}/tcp") or ():
            if binding["HostPort"].isdigit() and int(binding["HostPort"]):
                return int(binding["HostPort"])
    return None
