"""Checks of the Docker engine, and of what chaoskit needs to have on it."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import docker
import docker.errors
import requests.exceptions
from docker.context import ContextAPI

from chaoskit.agent.kinds import KINDS
from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.target import images
from chaoskit.target.checks import Check, Status, verdict
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.entrypoints import LOOPBACK
from chaoskit.target.hands import AgentHand
from chaoskit.target.patience import wait_until
from chaoskit.target.ports import free_ports

FindFaults = Callable[[AgentHand | None], Iterable[Check]]

LEAST_API = (1, 41)

_DOCTOR_RUN = "doctor"  # the value of the run label on what the doctor starts
_SERVE_S = 10.0


class Remnant(Protocol):
    """What a dead run left behind."""

    @property
    def why(self) -> str:
        """What is left, in words."""
        ...

    @property
    def command(self) -> str:
        """What removes it."""
        ...


def reachable(client: docker.DockerClient) -> Check:
    """EngineReachable: and which one it is, since docker-py follows the active context."""
    version = client.version()
    return Check(
        id="EngineReachable",
        status=Status.OK,
        evidence=f"Docker Engine {version['Version']} at {_where()}",
        why="targets run as containers",
    )


def unreachable(error: EnvironmentUnfit) -> Check:
    """EngineReachable, when none answers."""
    return Check(
        id="EngineReachable",
        status=Status.FAIL,
        evidence=str(error),
        why="targets run as containers",
        fix="make setup, or start Docker: systemctl start docker",
    )


def _where() -> str:
    if os.environ.get("DOCKER_HOST"):
        return f"{os.environ['DOCKER_HOST']} (DOCKER_HOST)"
    with contextlib.suppress(docker.errors.DockerException, OSError, ValueError):
        context: Any = ContextAPI.get_current_context()  # its types are not told
        return f"{context.Host} (the active Docker context, {context.Name!r})"
    return "the default socket"


def api_version(client: docker.DockerClient) -> Check:
    """ApiVersion."""
    found = str(client.version()["ApiVersion"])
    least = ".".join(map(str, LEAST_API))
    return Check(
        id="ApiVersion",
        status=verdict(ok=tuple(map(int, found.split("."))) >= LEAST_API),
        evidence=f"API {found}",
        why=f"API {least}, of Docker Engine 20.10, or newer",
        fix="upgrade the engine: apt-get install docker.io",
    )


def base_image(client: docker.DockerClient) -> Check:
    """BaseImage."""
    return _image(client, "BaseImage", "chaoskit/base", "every image of ours starts from it")


def agent_image(client: docker.DockerClient) -> Check:
    """AgentImage."""
    return _image(client, "AgentImage", "chaoskit/agent", "faults are done from a container of it")


def _image(client: docker.DockerClient, name: str, image: str, why: str) -> Check:
    found = client.api.images(filters={"label": f"{images.IMAGE_LABEL}={image}"})
    tags = [tag for one in found for tag in one["RepoTags"] or () if tag.startswith(image)]
    return Check(
        id=name,
        status=verdict(ok=bool(tags), otherwise=Status.WARN),
        evidence=", ".join(sorted(tags)) or f"no image {image}; the first run builds it",
        why=why,
        fix="make setup",
    )


def cgroup(client: docker.DockerClient) -> Check:
    """CgroupVersion."""
    info = client.info()
    version = str(info.get("CgroupVersion") or "1")
    return Check(
        id="CgroupVersion",
        status=verdict(ok=version in {"1", "2"}, otherwise=Status.UNKNOWN),
        evidence=f"cgroup v{version}, driver {info.get('CgroupDriver', 'unknown')}",
        why="both versions are supported; on v1 a memory limit below use is refused",
    )


def rootless(client: docker.DockerClient) -> Check:
    """RootlessDocker."""
    options = [str(one) for one in client.info().get("SecurityOptions") or ()]
    found = any("rootless" in one for one in options)
    return Check(
        id="RootlessDocker",
        status=verdict(ok=not found, otherwise=Status.WARN),
        evidence="the engine runs rootless" if found else "the engine runs as root",
        why="a rootless engine's containers may not change limits, clocks or packet queues",
        fix="chaoskit doctor --full says which faults work; the others need an engine that runs as root",
    )


def missing_images(client: docker.DockerClient, wanted: Iterable[str]) -> Iterator[str]:
    """Those images that are not on the engine."""
    for image in wanted:
        try:
            client.images.get(image)
        except docker.errors.ImageNotFound:
            yield image
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise EnvironmentUnfit(str(error)) from error


def engine_folder(client: docker.DockerClient) -> Path | None:
    """Where a local engine keeps its images; None for a remote one."""
    folder = Path(str(client.info()["DockerRootDir"]))
    return folder if folder.is_dir() else None


def agent(client: docker.DockerClient, faults: FindFaults | None) -> Iterator[Check]:
    """AgentStarts, a Mechanism check for each kind of operation, and what `faults` says."""
    why = "the agent enters containers' namespaces to do faults"
    hand = AgentHand.beside(
        client,
        image=lambda: images.ensure_agent(client, lambda _line: None),
        labels={RUN_LABEL: _DOCTOR_RUN},
    )
    try:
        capabilities = ", ".join(hand.ready().hello.get("capabilities", ())) or "none"
        evidence = f"it has {capabilities}"
        yield Check(id="AgentStarts", status=Status.OK, evidence=evidence, why=why)
        yield from (_mechanism(hand, kind) for kind in sorted(KINDS))
        if faults is not None:
            yield from faults(hand)
    except (EnvironmentUnfit, FaultRefused) as error:
        fix = "docker info; look at SecurityOptions, and at what the host withholds"
        yield Check(id="AgentStarts", status=Status.FAIL, evidence=str(error), why=why, fix=fix)
    finally:
        hand.close()


def _mechanism(hand: AgentHand, kind: str) -> Check:
    try:
        missing = hand.missing(kind)
    except (EnvironmentUnfit, FaultRefused) as error:  # an agent with what this kind needs
        missing = str(error)
    return Check(
        id=f"Mechanism:{kind}",
        status=verdict(ok=not missing, otherwise=Status.WARN),
        evidence=missing or "works here",
        why="faults that have no other mechanism are refused where it is missing",
        fix=KINDS[kind].remedy or "see the Fault checks below",
    )


def loopback(client: docker.DockerClient) -> Check:
    """LoopbackPublish: a port that is published on the loopback address is reached there."""
    why = "probes reach targets on 127.0.0.1"
    container = None
    try:
        (port,) = free_ports(client, [1], seed="doctor")
        container = client.containers.run(
            images.ensure_base(client, lambda _line: None),
            ["python3", "-m", "http.server", "8080"],
            detach=True,
            labels={RUN_LABEL: _DOCTOR_RUN},
            ports={"8080/tcp": (LOOPBACK, port)},
        )
        reached = wait_until(lambda: _answers(port), timeout_s=_SERVE_S)
    except (
        EnvironmentUnfit,
        docker.errors.DockerException,
        requests.exceptions.RequestException,
    ) as error:
        return Check(id="LoopbackPublish", status=Status.FAIL, evidence=str(error), why=why)
    finally:
        if container is not None:
            container.remove(force=True)
    return Check(
        id="LoopbackPublish",
        status=verdict(ok=reached),
        evidence=f"{LOOPBACK}:{port} {'answers' if reached else 'does not answer'}",
        why=why,
        fix="is the engine on another machine? docker context show",
    )


def _answers(port: int) -> bool:
    """Whether a byte comes back; the engine's proxy accepts before the container listens."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1.0) as one:
        one.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return bool(one.recv(1))
    return False


def leftovers(
    client: docker.DockerClient, find: Callable[[docker.DockerClient], Iterable[Remnant]]
) -> Iterator[Check]:
    """Leftovers: one check for each dead run, or one that says there is none."""
    why = "a fault or a container of a dead run spoils the next one"
    found = list(find(client))
    for one in found:
        evidence, fix = one.why, one.command
        yield Check(id="Leftovers", status=Status.WARN, evidence=evidence, why=why, fix=fix)
    if not found:
        yield Check(id="Leftovers", status=Status.OK, evidence="none", why=why)
