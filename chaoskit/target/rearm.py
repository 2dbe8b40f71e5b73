"""Between two trials: bring a target back to full strength with nothing of the last trial in it.

The engine doubles its restart policy's back-off with every crash until a container has been up for
10 s, so the second trial would measure the first. A restart that is asked for through the API makes
the engine begin anew (docs/decisions/0021-rearming-the-restart-policy.md), which takes 0.4 s
instead of 12. It also ends the instance once more; a service with roles, whose members would fail
over, is therefore left to grow old instead. A healer's setting `rearm: wait` or `rearm: restart`
overrides.
A supervisor inside a container that has given up does not begin again by itself either, and the
engine sees only that the instance is unhealthy.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.models.containers import Container

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.target import TargetSpec
from chaoskit.target.engine import Project, connect, instance_of
from chaoskit.target.entrypoints import published
from chaoskit.target.patience import Deadline, elapsed_s, rest
from chaoskit.target.strength import full, strengths_now

OLD_ENOUGH_S = 12.0  # the engine forgets a crash after 10 s of uptime

_LOOK_EVERY_S = 0.05
_AT_ONCE = 4
_HOLD_S = 0.3  # an endpoint may count an instance that was restarted before it noticed
_KIND = "docker-restart"
_INSIDE = "supervisor"  # a kind that runs in the instance it heals


@dataclass(frozen=True, kw_only=True)
class Rearmed:
    """What was done for the next trial."""

    restarted: tuple[str, ...]  # instances
    took_s: float
    full: bool  # every service at full strength, in time


def rearm(
    client: docker.DockerClient,
    project: str,
    spec: TargetSpec,
    *,
    progress: Callable[[str], None],
    timeout_s: float = 60.0,
) -> Rearmed:
    """Make the next trial independent of the last one.

    Instances that nobody would start any more are started, crashed ones lose their back-off, and
    full strength is waited for. When it does not come in time, `full` is false: the next baseline
    would not be met.
    """
    begun_s = elapsed_s()
    deadline = Deadline(timeout_s)
    restarted = _restart_all(
        {
            container.id or "": instance_of(container.attrs).name
            for container in _needed(client, project, spec)
            if _must_restart(container, spec)
        },
        progress,
    )
    hold_s = _HOLD_S if restarted and any(one.url for one in spec.strengths) else 0.0
    entrypoints = published(client, project, spec.entrypoints)

    def ready() -> bool:
        strengths = strengths_now(client, project, spec, entrypoints)
        return full(strengths) and not any(map(_carries_back_off, _needed(client, project, spec)))

    is_full = _held(ready, hold_s, deadline)
    return Rearmed(restarted=restarted, took_s=elapsed_s(begun_s), full=is_full)


def _held(condition: Callable[[], bool], hold_s: float, deadline: Deadline) -> bool:
    """Wait until the condition has held for a while; whether it did, in time."""
    since: Deadline | None = None
    while True:
        since = (since or Deadline(hold_s)) if condition() else None
        if since is not None and since.passed:
            return True
        if deadline.passed:
            return False
        rest(_LOOK_EVERY_S)


def _needed(client: docker.DockerClient, project: str, spec: TargetSpec) -> Iterator[Container]:
    """The instances that count for full strength; one-shot helpers of a target do not."""
    wanted = {one.service for one in spec.strengths}
    for container in Project(name=project, client=client).containers():
        if instance_of(container.attrs).service in wanted:
            yield container


def _must_restart(container: Container, spec: TargetSpec) -> bool:
    state: dict[str, Any] = container.attrs["State"]
    if (state.get("Health") or {}).get("Status") == "unhealthy":
        return any(healer.kind == _INSIDE for healer in spec.healers)
    if state.get("Restarting") or _carries_back_off(container):
        return not _waits(container, spec)
    return not state["Running"]


def _carries_back_off(container: Container) -> bool:
    """Whether the engine would restart this instance later than it restarts a fresh one."""
    if not container.attrs["RestartCount"]:
        return False
    started = datetime.fromisoformat(container.attrs["State"]["StartedAt"])
    now = datetime.now(UTC)  # noqa: TID251  # the engine's stamps are of the wall clock
    return (now - started).total_seconds() < OLD_ENOUGH_S


def _waits(container: Container, spec: TargetSpec) -> bool:
    service = instance_of(container.attrs).service
    for healer in spec.healers:
        if healer.kind == _KIND and "rearm" in healer.settings:
            return bool(healer.settings["rearm"] == "wait")
    return any(role.service == service for role in spec.roles)


def _restart_all(instances: Mapping[str, str], progress: Callable[[str], None]) -> tuple[str, ...]:
    """Restart instances, id → name, all at once; the names of those that were."""
    if not instances:
        return ()
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        troubles = dict(zip(instances.values(), pool.map(_restart, instances), strict=True))
    for name, trouble in troubles.items():
        if trouble:
            progress(f"{name} could not be restarted: {trouble}")
    return tuple(name for name, trouble in troubles.items() if not trouble)


def _restart(container: str) -> str:
    """What went wrong, if anything; it runs in a thread of its own."""
    try:
        with contextlib.closing(connect()) as client:
            client.api.restart(container, timeout=0)
    except (
        EnvironmentUnfit,
        docker.errors.DockerException,
        requests.exceptions.RequestException,
    ) as error:
        return str(error)
    return ""
