"""What never changes about a container, asked once: does it have a health check, and a restart
policy?
"""

import contextlib
import threading
from dataclasses import dataclass

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.engine import connect


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What the engine was told to do for a container."""

    health_checked: bool = False
    restarted: bool = False  # by the engine, when it ends


class Facts:
    """The facts about containers, remembered. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Fact] = {}

    def of(self, container: str) -> Fact:
        """The facts; none of them holds for a container that is gone."""
        if container not in self._known:
            with contextlib.suppress(EnvironmentUnfit), contextlib.closing(connect()) as client:
                self.learn(client, container)
        return self._known.get(container, Fact())

    def learn(self, client: docker.DockerClient, container: str) -> None:
        """Ask now, because later would be late: the engine answers nothing about a container
        while it is busy with its end.
        """
        fact = _ask(client, container)
        if fact is not None:
            with self._lock:
                self._known[container] = fact


def _ask(client: docker.DockerClient, container: str) -> Fact | None:
    with contextlib.suppress(docker.errors.DockerException, requests.exceptions.RequestException):
        attrs = client.api.inspect_container(container)
        policy = attrs["HostConfig"].get("RestartPolicy") or {}
        return Fact(
            health_checked=bool(attrs["State"].get("Health")),
            restarted=policy.get("Name", "no") not in {"", "no"},
        )
    return None
