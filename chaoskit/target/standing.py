"""Finding a target that `chaoskit up` left standing."""

from dataclasses import dataclass

from chaoskit.errors import FaultRefused
from chaoskit.target.cleanup import Client
from chaoskit.target.engine import COMPOSE_PROJECT, UP_LABEL


@dataclass(frozen=True, kw_only=True, order=True)
class Standing:
    """A target that is up."""

    name: str
    project: str  # its Compose project


def find_standing(client: Client, wanted: str | None) -> Standing:
    """The one target that is up, or the wanted one of several. Raises FaultRefused."""
    up = _all_standing(client)
    if not up:
        message = "no target is up; start one with: chaoskit up NAME"
        raise FaultRefused(message)
    names = ", ".join(one.name for one in up)
    if wanted is None and len(up) > 1:
        message = f"several targets are up ({names}); set CHAOSKIT_TARGET to the one that is meant"
        raise FaultRefused(message)
    matching = [one for one in up if wanted in {None, one.name}]
    if not matching:
        message = f"CHAOSKIT_TARGET names {wanted!r}, which is not up; up now: {names}"
        raise FaultRefused(message)
    return matching[0]


def _all_standing(client: Client) -> tuple[Standing, ...]:
    containers = client.containers.list(
        all=True, filters={"label": [UP_LABEL, COMPOSE_PROJECT]}, ignore_removed=True
    )
    found = {
        Standing(name=one.labels[UP_LABEL], project=one.labels[COMPOSE_PROJECT])
        for one in containers
    }
    return tuple(sorted(found))
