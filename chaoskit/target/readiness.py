"""When a target serves at full strength, and what to say when it never does."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import docker
import docker.errors

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.target import TargetSpec
from chaoskit.target.asking import Asker, port_serves
from chaoskit.target.entrypoints import resolve
from chaoskit.target.patience import Deadline, rest
from chaoskit.target.strength import Strengths, full, instance_states, strengths_now

_LOOK_EVERY_S = 0.02
_ASK_S = 0.5
_GIVE_UP_AFTER_S = 2.0  # an instance that has ended for good this long will not come back
_LINES = 8
_STILL_S = 10.0  # a system that is about to be ready again is given so long
_LOG_WAIT_S = 5.0  # a log that is written in blocks comes later than the service
_LOG_LINES = 1000


def await_ready(
    client: docker.DockerClient, project: str, spec: TargetSpec, entrypoints: Mapping[str, str]
) -> None:
    """Wait until the ready URL answers as it should and every service is at full strength.

    Raises EnvironmentUnfit with the containers' states and last words.
    """
    deadline = Deadline(spec.ready_timeout_s)
    url = resolve(spec.ready_url, entrypoints)
    asker = asker_of(url, spec.ready_status)
    dead_since: Deadline | None = None
    while True:
        ready, said = asker()
        strengths = strengths_now(client, project, spec, entrypoints)
        if full(strengths) and ready:
            return
        dead = _ended(client, project, spec)
        dead_since = (dead_since or Deadline(_GIVE_UP_AFTER_S)) if dead else None
        if deadline.passed or (dead_since is not None and dead_since.passed):
            break
        rest(_LOOK_EVERY_S)
    reasons = []
    if not ready:
        reasons.append(f"{url} answers {said}")
    message = (
        f"{spec.title}: not ready within {spec.ready_timeout_s:g} s: "
        f"{'; '.join([*reasons, *_missing(strengths), *dead])}"
        f"{last_words(client, project)}"
    )
    raise EnvironmentUnfit(message)


def still_ready(spec: TargetSpec, entrypoints: Mapping[str, str]) -> bool:
    """Whether the ready URL answers as it should, now or soon. A target without one always does."""
    ask = asker_of(resolve(spec.ready_url, entrypoints), spec.ready_status)
    deadline = Deadline(_STILL_S)
    while not ask()[0]:
        if deadline.passed:
            return False
        rest(_LOOK_EVERY_S)
    return True


def asker_of(url: str, status: tuple[int, int]) -> Callable[[], tuple[bool, str]]:
    """Asks whether the address is ready, and what it said."""
    if not url:
        return lambda: (True, "")
    if not url.startswith(("http://", "https://")):
        return lambda: (port_serves(url, timeout_s=_ASK_S), "no connection that stays open")
    asker = Asker(url, timeout_s=_ASK_S)

    def ask() -> tuple[bool, str]:
        answer = asker.ask()
        if answer is None:
            return False, "nothing"
        return status[0] <= answer.status <= status[1], str(answer.status)

    return ask


def await_words(
    client: docker.DockerClient, project: str, spec: TargetSpec, overrides: Sequence[Path] = ()
) -> None:
    """Wait until every log that is to bear witness has said what it says at a healthy start.

    A pattern that was written for another format, another version or another service would never
    match, and a healer that nobody can see counts as one that does nothing. One that an override
    switches off is not asked for.
    Raises EnvironmentUnfit with the last words of the target.
    """
    wanted = [
        (healer.name, one.service, one.started)
        for healer in spec.healers
        if (one := healer.log) is not None and one.started
        if not healer.off or spec.folder / healer.off not in overrides
    ]
    deadline = Deadline(_LOG_WAIT_S)
    while wanted := [one for one in wanted if not _has_said(client, project, *one[1:])]:
        if deadline.passed:
            break
        rest(_LOOK_EVERY_S)
    if not wanted:
        return
    missing = "; ".join(
        f"nothing in the log of {service} matches {pattern!r}, by which {healer} is to be seen"
        for healer, service, pattern in wanted
    )
    message = f"{spec.title}: it serves, but {missing}{last_words(client, project)}"
    raise EnvironmentUnfit(message)


def _has_said(client: docker.DockerClient, project: str, service: str, pattern: str) -> bool:
    """Whether an instance of the service has written such a line."""
    for one in instance_states(client, project):
        if one.service == service:
            log: bytes = client.api.logs(one.id, tail=_LOG_LINES)
            lines = log.decode("utf-8", errors="replace").splitlines()
            if any(re.search(pattern, line) for line in lines):
                return True
    return False


def _missing(strengths: Strengths) -> list[str]:
    return [
        f"{service} has {have} of {want} instances"
        for service, (have, want) in strengths.items()
        if have < want
    ]


def _ended(client: docker.DockerClient, project: str, spec: TargetSpec) -> list[str]:
    """The instances that full strength needs and that nobody will start again."""
    needed = {one.service for one in spec.strengths}
    return [
        f"{one.name} has ended ({one.status})"
        for one in instance_states(client, project)
        if one.service in needed and one.state in {"exited", "dead"}
    ]


def last_words(client: docker.DockerClient, project: str) -> str:
    """Every instance's state and last log lines, for people; empty when there is no instance."""
    lines = [""]
    for one in instance_states(client, project):
        lines.append(f"  {one.name}: {one.status or one.state}")
        try:
            if client.api.inspect_container(one.id)["State"].get("OOMKilled"):
                lines[-1] += ", killed because it was out of memory"
            log: bytes = client.api.logs(one.id, tail=_LINES)
        except docker.errors.APIError:
            continue  # it went away while we were looking
        text = log.decode("utf-8", errors="replace")
        lines += [f"    {line[:300]}" for line in text.splitlines()[-_LINES:]]
    return "\n".join(lines) if len(lines) > 1 else ""
