"""Removing what a run created, found by its label and by nothing else."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit, LiftFailed
from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL, UP_LABEL
from chaoskit.target.removal import remove_all

Client = docker.DockerClient  # for modules that may not know the SDK

_TROUBLE = (docker.errors.DockerException, requests.exceptions.RequestException)


@dataclass(frozen=True, kw_only=True)
class _Thing:
    """Something on the engine."""

    what: str  # container, network or volume
    id: str
    name: str
    labels: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.what} {self.name}"


def remove_run(client: Client, run_id: str) -> tuple[str, ...]:
    """Remove every container, network and volume of a run; returns what was removed.

    What `chaoskit up` started is not a run's and stays. Raises LiftFailed naming what would not go.
    """
    return _remove(_things(client, f"{RUN_LABEL}={run_id}", spare=UP_LABEL))


def remove_labelled(client: Client, label: str) -> tuple[str, ...]:
    """Remove everything with a label (`key` or `key=value`); for standing targets. LiftFailed."""
    return _remove(_things(client, label))


def _remove(things: Iterable[_Thing]) -> tuple[str, ...]:
    removed, troubles = remove_all((one.what, one.id, one.name) for one in things)
    failed = [one for one in troubles if "already in progress" not in one]
    if failed:
        message = f"could not be removed: {'; '.join(failed)}; remove with: chaoskit recover"
        raise LiftFailed(message)
    return tuple(f"{kind} {name}" for kind, _, name in removed)


def remove_agents(client: Client, run_id: str) -> tuple[str, ...]:
    """Remove the agents of a run, and nothing else of it. Raises LiftFailed."""
    ours = _things(client, f"{RUN_LABEL}={run_id}", spare=UP_LABEL)
    return _remove(thing for thing in ours if ROLE_LABEL in thing.labels)


def runs_on(client: Client) -> Mapping[str, tuple[str, ...]]:
    """Every run that has something on the engine, with what; what is up on purpose is left out."""
    runs: dict[str, list[str]] = {}
    for thing in _things(client, RUN_LABEL, spare=UP_LABEL):
        runs.setdefault(thing.labels[RUN_LABEL], []).append(str(thing))
    return {run: tuple(things) for run, things in runs.items()}


def _things(client: Client, label: str, *, spare: str = "") -> Iterator[_Thing]:
    """What carries one label and not another; containers first, because they use the rest."""
    filters: dict[str, Any] = {"label": label}
    try:
        containers = client.containers.list(all=True, filters=filters, ignore_removed=True)
        found: list[tuple[str, Any]] = [("container", one) for one in containers]
        found += [("network", one) for one in client.networks.list(filters=filters)]
        found += [("volume", one) for one in client.volumes.list(filters=filters)]
    except _TROUBLE as error:
        message = f"the engine does not say what carries the label {label}: {error}"
        raise EnvironmentUnfit(message) from error
    for what, one in found:
        labels = one.labels if what == "container" else one.attrs.get("Labels") or {}
        if spare not in labels:
            yield _Thing(what=what, id=one.id, name=one.name, labels=labels)
