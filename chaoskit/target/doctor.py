"""Whether this machine is fit, asked before it matters: `chaoskit doctor`, and a quick part of it
before every run.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target import checks_engine, checks_machine
from chaoskit.target.checks import Check, Status
from chaoskit.target.checks_engine import FindFaults, Remnant
from chaoskit.target.compose_cli import find_compose
from chaoskit.target.engine import connect

__all__ = ["Check", "Remnant", "Status", "preflight", "run_checks"]

FindLeftovers = Callable[[docker.DockerClient], Iterable[Remnant]]

_LEAST_DISK = 512 * 2**20  # bytes
_LEAST_MEMORY = 256 * 2**20


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an examination is to look at; see `run_checks`."""

    full: bool
    leftovers: FindLeftovers | None
    faults: FindFaults | None


def preflight(client: docker.DockerClient) -> None:
    """The quick part (< 100 ms): what would make every run fail. Raises EnvironmentUnfit."""
    find_compose()
    version = checks_engine.api_version(client)
    if version.status is Status.FAIL:
        message = f"the engine speaks {version.evidence}, chaoskit needs {version.why}"
        raise EnvironmentUnfit(message)
    for folder in (Path.cwd(), checks_engine.engine_folder(client)):
        free = _LEAST_DISK if folder is None else shutil.disk_usage(folder).free
        if free < _LEAST_DISK:
            message = (
                f"only {free / 2**20:.0f} MiB are free at {folder}; "
                f"{_LEAST_DISK / 2**20:.0f} MiB are needed. Make room: docker system prune"
            )
            raise EnvironmentUnfit(message)
    available = checks_machine.available_memory()
    if available is not None and available < _LEAST_MEMORY:
        message = (
            f"only {available / 2**20:.0f} MiB of memory are available; "
            f"{_LEAST_MEMORY / 2**20:.0f} MiB are needed. See who has it: docker stats --no-stream"
        )
        raise EnvironmentUnfit(message)


def run_checks(
    *,
    full: bool = False,
    leftovers: FindLeftovers | None = None,
    faults: FindFaults | None = None,
) -> tuple[Check, ...]:
    """Every check that can be made here, in the order of what depends on what.

    `full` also starts containers: the agent, and a server behind a published port (about 2 s).
    `leftovers` finds what dead runs left; `faults` says of each fault whether it can be done, given
    the agents, or None when they are not started. Never raises for what it finds.
    """
    return tuple(
        replace(one, fix="") if one.status is Status.OK else one
        for one in _all_checks(Wanted(full=full, leftovers=leftovers, faults=faults))
    )


def _all_checks(wanted: Wanted) -> Iterator[Check]:
    yield checks_machine.python_version()
    yield checks_machine.chaos_toolkit()
    yield checks_machine.compose()
    yield from _engine_checks(wanted)
    yield checks_machine.netem()
    yield checks_machine.disk(Path.cwd(), "reports")
    yield checks_machine.memory()
    yield checks_machine.load()
    yield checks_machine.clock()


def _engine_checks(wanted: Wanted) -> Iterator[Check]:
    try:
        client = connect()
    except EnvironmentUnfit as error:
        yield checks_engine.unreachable(error)
        return
    with contextlib.closing(client):
        try:
            yield from _checks_with(client, wanted)
        except (
            EnvironmentUnfit,
            docker.errors.DockerException,
            requests.exceptions.RequestException,
        ) as error:
            yield Check(
                id="EngineAnswers",
                status=Status.FAIL,
                evidence=f"the engine broke off while it was asked: {error}",
                why="nothing more can be said about it",
                fix="look at its log: journalctl -u docker",
            )


def _checks_with(client: docker.DockerClient, wanted: Wanted) -> Iterator[Check]:
    yield checks_engine.reachable(client)
    yield checks_engine.api_version(client)
    yield checks_engine.cgroup(client)
    yield checks_engine.rootless(client)
    folder = checks_engine.engine_folder(client)
    if folder is not None:
        yield checks_machine.disk(folder, "images and containers", name="EngineDiskFree")
    yield checks_engine.base_image(client)
    yield checks_engine.agent_image(client)
    if wanted.full:
        yield checks_engine.loopback(client)
        yield from checks_engine.agent(client, wanted.faults)
    else:
        yield Check(
            id="AgentStarts",
            status=Status.UNKNOWN,
            evidence="not tried",
            why="the agent enters containers' namespaces to do faults",
            fix="chaoskit doctor --full",
        )
        if wanted.faults is not None:
            yield from wanted.faults(None)
    if wanted.leftovers is not None:
        yield from checks_engine.leftovers(client, wanted.leftovers)
