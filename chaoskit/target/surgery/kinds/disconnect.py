"""Kind `disconnect`: an interface taken away, and given back with its address and its names.

Parameters: `network`; then also `address`, `static`, `aliases`, `links` and `network_id` as
they were.
"""

from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.target.surgery.kind import GONE, EngineKind, Table
from chaoskit.target.surgery.networks import Endpoint, is_gone, join


def _prepare(table: Table) -> dict[str, Any]:
    """What the connection is made of, so that it can be made again after we are gone."""
    container = table.must_run()
    name = table.params["network"]
    endpoint = (container.attrs["NetworkSettings"]["Networks"] or {}).get(name)
    if endpoint is None:
        message = f"{container.name} is not on the network {name}"
        raise FaultRefused(message)
    place = Endpoint.of(name, endpoint, container.id or "")
    return {
        "network_id": place.network_id,
        "address": place.address,
        "static": place.static,
        "aliases": list(place.aliases),
        "links": list(place.links),
    }


def _do(table: Table) -> None:
    table.client.api.disconnect_container_from_network(table.instance.id, table.params["network"])


def _check(table: Table) -> tuple[bool, str]:
    container = table.find()
    if container is None:
        return False, GONE
    params = table.params
    name = params["network"]
    endpoint = (container.attrs["NetworkSettings"]["Networks"] or {}).get(name)
    if endpoint is None:
        if params.get("network_id") and is_gone(table.client, params["network_id"]):
            return False, f"the network {name} was removed"
        return True, f"the engine lists no endpoint on {name}"
    address = endpoint.get("IPAddress") or "no address while it is down"
    before = params.get("address") or address
    moved = f" (it was {before}, which is not to be had)" if address != before else ""
    return False, f"connected to {name} with {address}{moved}"


def _undo(table: Table) -> None:
    params = table.params
    place = Endpoint(
        network=params["network"],
        address=params.get("address") or "",
        static=bool(params.get("static")),
        aliases=tuple(params.get("aliases") or ()),
        links=tuple(params.get("links") or ()),
    )
    join(table.client, table.instance.id, place)


KIND = EngineKind(prepare=_prepare, do=_do, check=_check, undo=_undo)
