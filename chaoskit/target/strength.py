"""Full strength: how many instances of a service are in service, and who says so.

Two witnesses count. The engine knows which containers run; an endpoint of the target, where there
is one, knows which of them are used. An instance counts when both say so, therefore the smaller
number is taken.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import docker

from chaoskit.model.target import Strength, TargetSpec
from chaoskit.target.asking import Asker
from chaoskit.target.engine import COMPOSE_NUMBER, COMPOSE_PROJECT, COMPOSE_SERVICE
from chaoskit.target.entrypoints import resolve

Strengths = Mapping[str, tuple[int, int]]  # service → (have, want)

NO_HEALTH_CHECK = "none"

_ONE_OFF = "com.docker.compose.oneoff"
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_ASK_S = 0.5


@dataclass(frozen=True, kw_only=True)
class InstanceState:
    """One instance as the engine sees it now."""

    id: str
    service: str
    name: str  # "web-2"
    running: bool
    paused: bool = False
    health: str = NO_HEALTH_CHECK  # or starting, healthy, unhealthy
    state: str = ""  # the engine's own word: running, exited, restarting, ...
    status: str = ""  # the engine's own sentence: "Up 3 seconds (healthy)"

    @property
    def up(self) -> bool:
        """Running, not paused, and healthy where that is checked."""
        return self.running and not self.paused and self.health in {NO_HEALTH_CHECK, "healthy"}


def instance_states(client: docker.DockerClient, project: str) -> tuple[InstanceState, ...]:
    """Every instance of a project, in one request."""
    rows = client.api.containers(all=True, filters={"label": f"{COMPOSE_PROJECT}={project}"})
    found = [state_of(row) for row in rows if _serves(row)]
    return tuple(sorted(found, key=lambda one: (one.service, len(one.name), one.name)))


def _serves(row: Mapping[str, Mapping[str, str]]) -> bool:
    labels = row["Labels"]
    return bool(labels.get(COMPOSE_SERVICE)) and labels.get(_ONE_OFF) != "True"


def state_of(row: Mapping[str, object]) -> InstanceState:
    """A row of the engine's list of containers."""
    labels = row["Labels"]
    state, status = str(row["State"]), str(row["Status"])
    assert isinstance(labels, dict)
    health = _HEALTH.search(status)
    return InstanceState(
        id=str(row["Id"]),
        service=labels[COMPOSE_SERVICE],
        name=instance_name(labels),
        running=state in {"running", "paused"},
        paused=state == "paused",
        health=health[1] if health else NO_HEALTH_CHECK,
        state=state,
        status=status,
    )


def instance_name(labels: Mapping[str, str]) -> str:
    """`web-2`: service and number, as Compose counts."""
    service, number = labels[COMPOSE_SERVICE], labels.get(COMPOSE_NUMBER)
    return f"{service}-{number}" if number else service


def counted(strength: Strength, body: str) -> int:
    """How many instances an endpoint's answer counts as in service."""
    return len(re.findall(strength.count, body, re.MULTILINE))


def strengths_now(
    client: docker.DockerClient, project: str, spec: TargetSpec, entrypoints: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """What every service has and wants at this moment; an endpoint that is silent counts zero."""
    here = instance_states(client, project)
    found = {}
    for one in spec.strengths:
        have = sum(each.up for each in here if each.service == one.service)
        if one.url and have:
            answer = Asker(resolve(one.url, entrypoints), timeout_s=_ASK_S).ask()
            have = min(have, counted(one, answer.body) if answer and answer.ok else 0)
        found[one.service] = (have, one.instances)
    return found


def full(strengths: Strengths) -> bool:
    """Whether every service has what it wants."""
    return all(have >= want for have, want in strengths.values())
