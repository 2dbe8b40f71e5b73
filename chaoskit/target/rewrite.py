"""A Compose model made fit to be broken: several copies side by side, and nothing left behind.

Pure: from what `docker compose config` says to what `docker compose up` is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from chaoskit.model.target import Entrypoint
from chaoskit.target.entrypoints import LOOPBACK
from chaoskit.target.ports import PORTS_LABEL

Config = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A container port that is published, and how many host ports that takes."""

    service: str
    port: int
    protocol: str
    count: int  # one for each instance


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where a copy of the model goes, and what it is made of."""

    project: str
    labels: Mapping[str, str]
    images: Mapping[str, str]  # service → the tag that replaces its `build`
    ports: Mapping[Publication, int]  # the first host port of each


def publications(config: Config, entrypoints: Sequence[Entrypoint]) -> tuple[Publication, ...]:
    """Everything to publish: what the model publishes, and the entrypoints where it does not."""
    found: dict[Publication, None] = {}
    for name, service in config["services"].items():
        if service.get("network_mode"):
            continue  # the host's own ports, another container's, or none
        for port in service.get("ports") or ():
            found[_publication(name, service, port["target"], port.get("protocol", "tcp"))] = None
        for one in entrypoints:
            if one.service == name:
                found[_publication(name, service, one.port, "tcp")] = None
    return tuple(found)


def rewritten(config: Config, placing: Placing) -> Config:
    """The model as it is started. The given one is left alone."""
    config = deepcopy(config)
    config["name"] = placing.project
    for kind in ("networks", "volumes"):
        config[kind] = {
            name: _owned(one or {}, placing.labels)
            for name, one in (config.get(kind) or {}).items()
        }
    for name, service in config["services"].items():
        _rewrite_service(name, service, placing)
    return config


def outsiders(config: Config) -> tuple[str, ...]:
    """The networks and volumes that live outside of the model; a copy gets empty ones of its own."""
    return tuple(
        f"{kind[:-1]} {name}"
        for kind in ("networks", "volumes")
        for name, one in (config.get(kind) or {}).items()
        if (one or {}).get("external")
    )


def _publication(name: str, service: Config, port: int, protocol: str) -> Publication:
    return Publication(service=name, port=port, protocol=protocol, count=_instances(service))


def _instances(service: Config) -> int:
    replicas = (service.get("deploy") or {}).get("replicas") or service.get("scale") or 1
    return int(replicas)


def _owned(one: Config, labels: Mapping[str, str]) -> Config:
    """A network or volume under this project's name, whatever it was called before."""
    kept = {key: value for key, value in one.items() if key not in {"name", "external"}}
    return {**kept, "labels": {**(one.get("labels") or {}), **labels}}


def _rewrite_service(name: str, service: Config, placing: Placing) -> None:
    mine = [one for one in placing.ports if one.service == name]
    host_ports = [str(placing.ports[one] + step) for one in mine for step in range(one.count)]
    service["labels"] = {**(service.get("labels") or {}), **placing.labels}
    if host_ports:
        service["labels"][PORTS_LABEL] = ",".join(host_ports)
    if not service.get("network_mode"):
        service["ports"] = list(_port_entries(mine, placing.ports))
    if name in placing.images:
        for key in ("build", "pull_policy"):
            service.pop(key, None)
        service["image"] = placing.images[name]
    if "deploy" in service:  # Compose warns of some keys of it even when they are empty
        service["deploy"] = {key: one for key, one in service["deploy"].items() if one}
    fixed_name = service.pop("container_name", None)
    if fixed_name is not None:
        _keep_reachable(service, fixed_name)


def _port_entries(
    publications: Sequence[Publication], ports: Mapping[Publication, int]
) -> Iterator[Config]:
    for one in publications:
        first = ports[one]
        last = first + one.count - 1
        yield {
            "mode": "ingress",
            "host_ip": LOOPBACK,
            "target": one.port,
            "published": str(first) if one.count == 1 else f"{first}-{last}",
            "protocol": one.protocol,
        }


def _keep_reachable(service: Config, name: str) -> None:
    """Others may have called the service by its container's fixed name, which two copies cannot
    share: it becomes an alias within the copy's own networks.
    """
    networks = service.get("networks") or {}
    for key, one in networks.items():
        settings = dict(one or {})
        settings["aliases"] = [*(settings.get("aliases") or ()), name]
        networks[key] = settings
