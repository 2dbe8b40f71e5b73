"""What a fault could have left: the state of a project's containers and their host, and a diff.

    before = snapshot(client, project)
    ...                                  # inject, whatever weather, lift
    assert difference(before, snapshot(client, project)) == []

It is taken by a privileged container of its own that enters every namespace from outside; none of
the agent's code takes part. A state is lines of text in sections, so that a difference can be read.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

from chaoskit.target.engine import (
    COMPOSE_PROJECT,
    COMPOSE_SERVICE,
    ROLE_LABEL,
    RUN_LABEL,
    instance_of,
    labelled,
)
from chaoskit.target.images import BASE, ensure_base

_LOOK = Path(__file__).with_name("look.py")
_NOT_THE_SAME_TWICE = {"ContainerIDFile", "ConsoleSize"}
_OF_ONE_LIFE = frozenset({"addresses"})  # sections that a successor need not share

Sections = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class State:
    """Lines by section, by instance (`web-1`) and for the `host`."""

    things: Mapping[str, Sections]
    ids: Mapping[str, str]  # of each instance's container


def snapshot(
    client: docker.DockerClient, project: str, *, only: Collection[str] | None = None
) -> State:
    """The state of everything that carries the label of a Compose project, or of a run, now.

    `only` names the services that are looked at; everything of the host is looked at in any case.
    Raises the SDK's errors, and RuntimeError when the looking failed.
    """
    ensure_base(client, _quietly)
    containers = list(_containers(client, project))
    if only is not None:
        containers = [one for one in containers if one.labels.get(COMPOSE_SERVICE) in only]
    keyed = dict(_keyed(containers))
    seen = _look(client, project, keyed)
    things: dict[str, Sections] = {}
    for key, container in keyed.items():
        things[key] = {**_lines(seen.get(key, {})), "engine": tuple(_engine_facts(container))}
    things["host"] = {**_lines(seen["host"]), "engine": tuple(_belongings(client, project))}
    return State(things=things, ids={key: one.id or "" for key, one in keyed.items()})


def difference(before: State, after: State) -> list[str]:
    """What is otherwise now, a sentence each; empty when everything is as it was.

    Both must have been taken of the same services.
    """
    found: list[str] = []
    for key in sorted(before.things.keys() | after.things.keys()):
        old, new = before.things.get(key), after.things.get(key)
        if old is None or new is None:
            found.append(f"{key}: {'appeared' if old is None else 'is gone'}")
            continue
        same = before.ids.get(key) == after.ids.get(key)
        for section in sorted(old.keys() | new.keys()):
            if same or section not in _OF_ONE_LIFE:
                words = _changes(old.get(section, ()), new.get(section, ()))
                found += [f"{key}: {section}: {one}" for one in words]
    return found


def _changes(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    lost, gained = Counter(old) - Counter(new), Counter(new) - Counter(old)
    yield from (f"gone: {line}" for line in sorted(lost.elements()))
    yield from (f"new: {line}" for line in sorted(gained.elements()))


def _containers(client: docker.DockerClient, project: str) -> Iterator[Container]:
    """The project's instances; helpers of ours are counted with the host's things."""
    known: set[str | None] = set()
    for label in (COMPOSE_PROJECT, RUN_LABEL):
        filters: dict[str, Any] = {"label": f"{label}={project}"}
        for one in client.containers.list(all=True, filters=filters, ignore_removed=True):
            if one.id not in known and ROLE_LABEL not in one.labels:
                known.add(one.id)
                yield one


def _keyed(containers: list[Container]) -> Iterator[tuple[str, Container]]:
    """By the place that they stand in; several in one place are a difference by themselves."""
    taken: Counter[str] = Counter()
    for one in sorted(containers, key=lambda each: str(each.attrs["Created"])):
        service = COMPOSE_SERVICE in one.labels
        key = instance_of(one.attrs).name if service else str(one.name)
        taken[key] += 1
        yield (key if taken[key] == 1 else f"{key} (again, {taken[key]})"), one


def _look(
    client: docker.DockerClient, project: str, keyed: Mapping[str, Container]
) -> dict[str, Any]:
    """What the program says about every container that runs."""
    wanted = {
        "containers": [
            {
                "key": key,
                "id": one.id,
                "pid": one.attrs["State"]["Pid"],
                "addresses": list(instance_of(one.attrs).addresses.values()),
            }
            for key, one in keyed.items()
            if one.attrs["State"]["Pid"]
        ],
        "runs": [project],
        "tokens": dict(_bridges(client, project)),
        "addresses": [
            each for one in keyed.values() for each in instance_of(one.attrs).addresses.values()
        ],
    }
    try:
        said = _run(client, project, wanted)
    except docker.errors.ContainerError as error:
        words = str(error.stderr or "").strip()
        message = f"the state could not be taken: {words[-400:]}"
        raise RuntimeError(message) from error
    answer: dict[str, Any] = json.loads(said)
    return answer


def _run(client: docker.DockerClient, project: str, wanted: Mapping[str, Any]) -> bytes:
    """The program's output, from a container that may enter all namespaces."""
    said: bytes = client.containers.run(
        BASE,
        ["python3", "-c", _LOOK.read_text(encoding="utf-8"), json.dumps(wanted)],
        cap_add=["NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "DAC_READ_SEARCH"],
        security_opt=["apparmor=unconfined", "seccomp=unconfined"],
        labels={RUN_LABEL: project, ROLE_LABEL: "look"},
        volumes={"/sys/fs/cgroup": {"bind": "/host/cgroup", "mode": "ro"}},
        pid_mode="host",
        network_mode="host",
        remove=True,
    )
    return said


def _bridges(client: docker.DockerClient, project: str) -> Iterator[tuple[str, str]]:
    """Each network's interface on the host, and a name that it keeps when it is made anew."""
    for label in (COMPOSE_PROJECT, RUN_LABEL):
        for one in client.networks.list(filters={"label": f"{label}={project}"}):
            yield f"br-{(one.id or '')[:12]}", f"<{one.name}>"


def _lines(sections: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(lines) for name, lines in sections.items()}


def _engine_facts(container: Container) -> Iterator[str]:
    """What the engine was told about a container, and what it thinks of it."""
    attrs = container.attrs
    state = attrs["State"]
    yield f"running {state['Running']}, paused {state['Paused']}"
    config = attrs["Config"]
    for key in ("Image", "Cmd", "Entrypoint", "Env", "Labels", "User", "StopSignal", "Healthcheck"):
        yield f"{key} {json.dumps(config.get(key), sort_keys=True)}"
    for key, value in sorted(attrs["HostConfig"].items()):
        if value and key not in _NOT_THE_SAME_TWICE:
            yield f"{key} {json.dumps(value, sort_keys=True)}"
    for name, one in sorted((attrs["NetworkSettings"]["Networks"] or {}).items()):
        aliases = sorted(set(one.get("Aliases") or ()) - {str(container.id)[:12]})
        yield f"network {name} aliases {aliases} attached {bool(one.get('EndpointID'))}"


def _belongings(client: docker.DockerClient, project: str) -> Iterator[str]:
    """Networks and volumes of the project, and helpers of ours."""
    for label in (COMPOSE_PROJECT, RUN_LABEL):
        for kind, _, name in labelled(client, f"{label}={project}"):
            if kind != "container":
                yield f"{kind} {name}"
    filters: dict[str, Any] = {"label": [f"{RUN_LABEL}={project}", ROLE_LABEL]}
    for one in client.containers.list(all=True, filters=filters, ignore_removed=True):
        yield f"helper {one.labels[ROLE_LABEL]}"


def _quietly(_line: str) -> None:
    """Nobody reads a build's output here."""
