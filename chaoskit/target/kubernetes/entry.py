"""How users get into a target in a cluster: the addresses behind `${name}`."""

from collections.abc import Iterable, Mapping
from typing import Any

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.target import Entrypoint
from chaoskit.target.entrypoints import LOOPBACK
from chaoskit.target.kubernetes.api import Api
from chaoskit.target.kubernetes.paths import NODES, core

NAMESPACE = "namespace"  # ${namespace} in experiments: where the run has put the target


def addresses_of(
    api: Api, namespace: str, entries: Iterable[Entrypoint], forwarded: Mapping[str, int]
) -> dict[str, str]:
    """Name → address; of what is forwarded, by its local port.

    Raises EnvironmentUnfit, ApiError, ApiAway.
    """
    return {
        one.name: _url(one.scheme, f"{LOOPBACK}:{forwarded[one.name]}")
        if one.name in forwarded
        else address_of(api, namespace, one)
        for one in entries
    }


def address_of(api: Api, namespace: str, entry: Entrypoint) -> str:
    """The address of an entrypoint. Raises EnvironmentUnfit, ApiError, ApiAway."""
    if entry.through == "address":
        host = entry.address
        return _url(entry.scheme, host if ":" in host else f"{host}:{entry.port}")
    service = api.find(core("services", namespace, entry.service))
    if service is None:
        message = f"{entry.name}: there is no Service {entry.service!r} in {namespace}"
        raise EnvironmentUnfit(message)
    for port in service["spec"].get("ports", ()):
        if port["port"] == entry.port and port.get("nodePort"):
            return _url(entry.scheme, f"{_node(api, entry)}:{port['nodePort']}")
    message = (
        f"{entry.name}: the Service {entry.service!r} has no node port for {entry.port}; make it "
        "`type: NodePort`, or give the entrypoint `through: address` and the address that users "
        "reach, or `through: port-forward`"
    )
    raise EnvironmentUnfit(message)


def inside_address_of(api: Api, namespace: str, entry: Entrypoint) -> str:
    """The address of an entrypoint within the cluster: its Service's, so that no DNS is needed.

    Raises EnvironmentUnfit for a Service that has none, ApiError, ApiAway.
    """
    service = api.find(core("services", namespace, entry.service))
    if service is None:
        message = f"{entry.name}: there is no Service {entry.service!r} in {namespace}"
        raise EnvironmentUnfit(message)
    host = str(service["spec"].get("clusterIP") or "None")
    if host == "None":
        message = (
            f"{entry.name}: the Service {entry.service!r} has no address of its own in the cluster "
            "(it is headless, or a name elsewhere), so that the prober's pod cannot ask it"
        )
        raise EnvironmentUnfit(message)
    return _url(entry.scheme, f"{f'[{host}]' if ':' in host else host}:{entry.port}")


def _node(api: Api, entry: Entrypoint) -> str:
    """A ready node's address; from outside first, because that is where users are."""
    nodes, _ = api.items(NODES)
    for kind in ("ExternalIP", "InternalIP", "Hostname"):
        for node in sorted(nodes, key=_not_ready):
            for one in (node.get("status") or {}).get("addresses", ()):
                if one["type"] == kind:
                    return str(one["address"])
    message = f"{entry.name}: no node of the cluster has an address"
    raise EnvironmentUnfit(message)


def _not_ready(node: Mapping[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return not any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _url(scheme: str, place: str) -> str:
    return place if scheme == "tcp" else f"{scheme}://{place}"
