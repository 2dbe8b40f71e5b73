"""Taking things away for good: containers, networks and volumes, a whole Compose project's by label.

Everything is killed, at once and in parallel: a target under test has nothing to save.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit, LiftFailed
from chaoskit.target.engine import COMPOSE_PROJECT, connect, labelled
from chaoskit.target.patience import Deadline, rest

_LIMIT_S = 30.0
_AT_ONCE = 4
_AGAIN_S = 0.1

Thing = tuple[str, str, str]  # kind, id, name


def remove_project(client: docker.DockerClient, project: str) -> None:
    """Remove everything of a Compose project, and prove it. Raises LiftFailed naming the rest."""
    label = f"{COMPOSE_PROJECT}={project}"
    deadline = Deadline(_LIMIT_S)
    while left := list(labelled(client, label)):
        _, troubles = remove_all(left, cut_off=True)
        if deadline.passed:
            names = ", ".join(f"{kind} {name}" for kind, _, name in left)
            message = (
                f"still there of {project}: {names} ({'; '.join(troubles) or 'no reason given'}); "
                f"remove by hand: docker ps -aq --filter label={label} | xargs -r docker rm -fv"
            )
            raise LiftFailed(message)
        if troubles:
            rest(_AGAIN_S)


def remove_all(things: Iterable[Thing], *, cut_off: bool = False) -> tuple[list[Thing], list[str]]:
    """One attempt, containers before what they use: what was removed, and what went wrong, in words.

    What was gone already is neither. A network that others use stays, unless they may be cut off.
    """
    there, removed, troubles = list(things), [], []
    for kind in ("container", "network", "volume"):
        of_kind = [one for one in there if one[0] == kind]
        if not of_kind:
            continue
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            work = partial(_attempt, cut_off=cut_off)
            for thing, trouble in zip(of_kind, pool.map(work, of_kind), strict=True):
                if trouble:
                    troubles.append(trouble)
                elif trouble is not None:
                    removed.append(thing)
    return removed, troubles


def _attempt(thing: Thing, *, cut_off: bool) -> str | None:
    """What went wrong, "" when it was removed, None when there was nothing to remove."""
    kind, one, name = thing
    try:
        client = connect()  # this runs in a thread of its own
    except EnvironmentUnfit as error:
        return str(error)
    remove: dict[str, Callable[[], None]] = {
        "container": lambda: client.api.remove_container(one, force=True, v=True),
        "network": lambda: _remove_network(client, one, cut_off=cut_off),
        "volume": lambda: client.api.remove_volume(name, force=True),
    }
    try:
        remove[kind]()
    except docker.errors.NotFound:
        return None
    except (docker.errors.APIError, requests.exceptions.RequestException) as error:
        return f"{kind} {name} ({getattr(error, 'explanation', None) or error})"
    finally:
        client.close()
    return ""


def _remove_network(client: docker.DockerClient, network: str, *, cut_off: bool) -> None:
    """Strangers on the network would keep it."""
    for stranger in _connected(client, network) if cut_off else ():
        client.api.disconnect_container_from_network(stranger, network, force=True)
    client.api.remove_network(network)


def _connected(client: docker.DockerClient, network: str) -> Iterator[str]:
    yield from (client.api.inspect_network(network).get("Containers") or {})
