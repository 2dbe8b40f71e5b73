"""Who stands in an instance's place, and putting the original configuration back into it.

A place is a service and a number of a Compose project, or else a name. Whoever lifts may be another
process, long after, and the system may have healed itself meanwhile: what counts is that exactly
one container without our mark stands there, and that it was started.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

from chaoskit.errors import FaultRefused
from chaoskit.target.engine import COMPOSE_NUMBER, COMPOSE_PROJECT, COMPOSE_SERVICE
from chaoskit.target.surgery.kind import Table
from chaoskit.target.surgery.networks import is_gone
from chaoskit.target.surgery.recreate import create, endpoints_of, start

FAULT_LABEL = "chaoskit.fault"  # the operation's tag, on a container that a fault put there

_PLACE = (COMPOSE_PROJECT, COMPOSE_SERVICE, COMPOSE_NUMBER)


@dataclass(frozen=True, kw_only=True)
class Occupants:
    """Every container of a place, as they are now."""

    ours: tuple[Container, ...]
    original: Container | None
    others: tuple[Container, ...]


def occupants(table: Table) -> Occupants:
    """Look."""
    mark = table.params["tag"]
    found = _in_place(table)
    others = [one for one in found if FAULT_LABEL not in one.labels]
    return Occupants(
        ours=tuple(one for one in found if one.labels.get(FAULT_LABEL) == mark),
        original=next((one for one in others if one.id == table.instance.id), None),
        others=tuple(one for one in others if one.id != table.instance.id),
    )


def _in_place(table: Table) -> list[Container]:
    saved = table.params["saved"]
    labels: Mapping[str, str] = saved["config"].get("Labels") or {}
    found: dict[str, Container] = {}
    searches: list[dict[str, Any]] = [{"label": f"{FAULT_LABEL}={table.params['tag']}"}]
    if all(one in labels for one in _PLACE):
        searches.append({"label": [f"{one}={labels[one]}" for one in _PLACE]})
    else:
        searches.append({"name": f"^/?{saved['name']}$"})
    for filters in searches:
        for one in table.client.containers.list(all=True, filters=filters, ignore_removed=True):
            found[one.id or ""] = one
    return list(found.values())


def not_restored(table: Table) -> tuple[bool, str]:  # noqa: PLR0911  # a table of cases
    """Whether the original configuration is not back yet, and what stands there."""
    if "saved" not in table.params:
        return False, "not begun"
    now = occupants(table)
    if now.ours:
        return True, f"{_told(now.ours[0])} stands in its place"
    if now.original is not None:
        return _is_down(table, now.original), f"the original {_told(now.original)} is there"
    if now.others:
        one = now.others[0]
        return one.status == "created", f"{_told(one)} is in its place"
    return _deserted(table)


def _deserted(table: Table) -> tuple[bool, str]:
    """Nobody is there: not restored, unless there is no place any more."""
    if lost := _lost_network(table):
        return False, f"its network {lost} was removed, so there is no place any more"
    return True, "nobody is in its place"


def _is_down(table: Table, original: Container) -> bool:
    """Whether the original was left stopped on the way; one that was stopped before is right so."""
    was_running = table.params["saved"]["running"]
    state = original.attrs["State"]
    return was_running and not state["Running"] and not state["Restarting"]


def _told(container: Container) -> str:
    image = container.attrs["Config"]["Image"]
    return f"container {container.short_id} of {image}, {container.status}"


def _lost_network(table: Table) -> str:
    """The main network, when it is gone for good and none has its name."""
    for one in endpoints_of(table.params["saved"])[:1]:
        if is_gone(table.client, one.network_id) and is_gone(table.client, one.network):
            return one.network
    return ""


def put_back(table: Table) -> None:
    """Exactly one container with the original configuration, started; idempotent.

    Raises FaultRefused when more than one would stand there, and the SDK's errors.
    """
    saved = table.params["saved"]
    now = occupants(table)
    successor = now.original or next(iter(now.others), None)
    if successor is None and not _lost_network(table):
        heir = now.ours[0].id if now.ours else None
        name = temporary_name(saved["name"], "restored", table.params["tag"])
        successor = create(table.client, saved, name=name, volumes_from=heir)
    for one in now.ours:
        take_away(one)
    if successor is None:
        return
    if successor.name != saved["name"] and successor.status == "created":
        successor.rename(saved["name"])
    if successor.status == "created" or successor is now.original:
        _start_as_it_was(table, successor)
    if len(left := _in_place(table)) != 1:
        message = f"{len(left)} containers stand in the place of {table.instance.name}"
        raise FaultRefused(message)


def _start_as_it_was(table: Table, container: Container) -> None:
    if table.params["saved"]["running"]:
        start(table.client, container, table.params["saved"])


def take_away(container: Container, *, volumes: bool = False) -> None:
    """Gone at once; by somebody else is fine."""
    try:
        container.remove(force=True, v=volumes)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if "already in progress" not in str(error.explanation or error):
            raise


def temporary_name(name: str, what: str, tag: str) -> str:
    """A name until the right one is free; the same in every try, so that a torn one is found."""
    return f"{name}.{what}.{hashlib.sha256(tag.encode()).hexdigest()[:8]}"
