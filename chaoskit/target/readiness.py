"""When a target serves at full strength, and what to say when it never does."""

from collections.abc import Mapping

import docker
import docker.errors

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.target import TargetSpec
from chaoskit.target.asking import Asker
from chaoskit.target.entrypoints import resolve
from chaoskit.target.patience import Deadline, rest
from chaoskit.target.strength import Strengths, full, instance_states, strengths_now

_LOOK_EVERY_S = 0.02
_ASK_S = 0.5
_GIVE_UP_AFTER_S = 2.0  # an instance that has ended for good this long will not come back
_LINES = 8


def await_ready(
    client: docker.DockerClient, project: str, spec: TargetSpec, entrypoints: Mapping[str, str]
) -> None:
    """Wait until the ready URL answers with 2xx and every service is at full strength.

    Raises EnvironmentUnfit with the containers' states and last words.
    """
    deadline = Deadline(spec.ready_timeout_s)
    url = resolve(spec.ready_url, entrypoints)
    asker = Asker(url, timeout_s=_ASK_S) if url else None
    dead_since: Deadline | None = None
    while True:
        answer = asker.ask() if asker else None
        strengths = strengths_now(client, project, spec, entrypoints)
        if full(strengths) and (asker is None or (answer is not None and answer.ok)):
            return
        dead = _ended(client, project, spec)
        dead_since = (dead_since or Deadline(_GIVE_UP_AFTER_S)) if dead else None
        if deadline.passed or (dead_since is not None and dead_since.passed):
            break
        rest(_LOOK_EVERY_S)
    reasons = []
    if asker and not (answer and answer.ok):
        reasons.append(f"{url} answers {answer.status if answer else 'nothing'}")
    message = (
        f"{spec.title}: not ready within {spec.ready_timeout_s:g} s: "
        f"{'; '.join([*reasons, *_missing(strengths), *dead])}"
        f"{last_words(client, project)}"
    )
    raise EnvironmentUnfit(message)


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
            log: bytes = client.api.logs(one.id, tail=_LINES)
        except docker.errors.APIError:
            continue  # it went away while we were looking
        text = log.decode("utf-8", errors="replace")
        lines += [f"    {line[:300]}" for line in text.splitlines()[-_LINES:]]
    return "\n".join(lines) if len(lines) > 1 else ""
