"""The Docker engine: the one place that talks to it through its API."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.models.containers import Container

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.faults import Instance

RUN_LABEL = "chaoskit.run"  # a run's id, on everything that a run creates
UP_LABEL = "chaoskit.up"  # a target's name, on everything that `chaoskit up` started
ROLE_LABEL = "chaoskit.role"  # "agent" on helper containers
COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
COMPOSE_NUMBER = "com.docker.compose.container-number"

_API_TIMEOUT_S = 90  # above any grace period that we ask for


def connect(*, timeout_s: int = _API_TIMEOUT_S) -> docker.DockerClient:
    """A client of the engine that the environment names. Raises EnvironmentUnfit.

    `timeout_s` bounds the silence of the engine in one answer. One client per thread: its HTTP session is not meant to be shared.
    """
    try:
        client = docker.from_env(timeout=timeout_s)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        where = os.environ.get("DOCKER_HOST", "the default socket")
        message = (
            f"no Docker engine answers at {where} ({error}). On Debian or Ubuntu as root, "
            "`make setup` installs and starts one; elsewhere start Docker and try again."
        )
        raise EnvironmentUnfit(message) from error
    return client


def describe(client: docker.DockerClient) -> dict[str, str]:
    """What a result may depend on, of the engine."""
    version, info = client.version(), client.info()
    return {
        "engine": version["Version"],
        "engine_api": version["ApiVersion"],
        "kernel": info["KernelVersion"],
        "cgroup": info.get("CgroupVersion", "1"),
        "storage": info["Driver"],
        "engine_cores": str(info["NCPU"]),
        "engine_memory": f"{info['MemTotal'] / 2**30:.1f} GiB",
    }


@dataclass(frozen=True)
class Project:
    """One Compose project on the engine, looked at through its labels."""

    name: str
    client: docker.DockerClient

    def containers(self, service: str | None = None) -> list[Container]:
        """The project's containers, stopped ones included, in the order of their numbers."""
        labels = [f"{COMPOSE_PROJECT}={self.name}"]
        if service is not None:
            labels.append(f"{COMPOSE_SERVICE}={service}")
        found = self.client.containers.list(
            all=True, filters={"label": labels}, ignore_removed=True
        )
        found = [one for one in found if one.labels.get(COMPOSE_SERVICE)]
        return sorted(found, key=lambda one: (one.labels[COMPOSE_SERVICE], _number(one)))

    def instances(self, service: str | None = None) -> tuple[Instance, ...]:
        """The instances of a service, or of all services."""
        return tuple(instance_of(one.attrs) for one in self.containers(service))

    def images(self) -> dict[str, str]:
        """What each service runs: the image as Compose names it, and its digest."""
        return {
            one.labels[COMPOSE_SERVICE]: f"{one.attrs['Config']['Image']} {one.attrs['Image']}"
            for one in self.containers()
        }

    def services(self) -> tuple[str, ...]:
        """The services that have at least one container."""
        return tuple(sorted({one.service for one in self.instances()}))


def _number(container: Container) -> int:
    return int(container.labels.get(COMPOSE_NUMBER, "0"))


def instance_of(attrs: Mapping[str, Any]) -> Instance:
    """An Instance from what the engine's inspect call says."""
    labels = attrs["Config"]["Labels"] or {}
    service = labels.get(COMPOSE_SERVICE, attrs["Name"].lstrip("/"))
    number = labels.get(COMPOSE_NUMBER)
    networks = attrs["NetworkSettings"]["Networks"] or {}
    return Instance(
        id=attrs["Id"],
        name=f"{service}-{number}" if number else service,
        service=service,
        pid=attrs["State"].get("Pid", 0),
        addresses={name: one["IPAddress"] for name, one in networks.items() if one["IPAddress"]},
        running=bool(attrs["State"]["Running"]),
    )


def labelled(client: docker.DockerClient, label: str) -> Iterator[tuple[str, str, str]]:
    """Everything on the engine that carries a label, as (kind, id, name)."""
    filters: dict[str, str | list[str] | bool] = {"label": label}
    for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
        yield "container", container.id or "", container.name or ""
    for network in client.networks.list(filters=filters):
        yield "network", network.id or "", network.name or ""
    for volume in client.volumes.list(filters=filters):
        yield "volume", volume.id or "", volume.name or ""


def healthy(attrs: Mapping[str, Any]) -> bool:
    """Whether the engine calls an instance up: running, not paused, and not unhealthy if checked."""
    state: Mapping[str, Any] = attrs["State"]
    health = (state.get("Health") or {}).get("Status", "none")
    return bool(state["Running"]) and not state["Paused"] and health in {"none", "healthy"}
