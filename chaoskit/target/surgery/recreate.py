"""A container written down as data, and made again from it: same name, networks, ports, volumes.

What was written outside volumes is lost with a container, as in any deployment. Anonymous volumes
are handed over while the predecessor still exists (`volumes_from`), so that they stay anonymous and
are removed with the last container that uses them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

from chaoskit.target.surgery.networks import Endpoint, cannot_have_address, join
from chaoskit.target.surgery.networks import start as start_plainly

Saved = Mapping[str, Any]  # it is kept in the undo log, so it is plain JSON

_NO_NETWORKS = ("host", "none", "container:")
_SHORT_ID = 12


def save(container: Container) -> dict[str, Any]:
    """Everything that is needed to make the same container again."""
    attrs = container.attrs
    config = dict(attrs["Config"])
    if config.get("Hostname") == attrs["Id"][:_SHORT_ID]:
        del config["Hostname"]  # the engine's own choice, to be made anew
    host = dict(attrs["HostConfig"])
    host["PortBindings"] = _published(attrs)
    networks = attrs["NetworkSettings"]["Networks"] or {}
    main = host.get("NetworkMode", "")
    return {
        "name": container.name,
        "image_id": attrs["Image"],
        "running": bool(attrs["State"]["Running"]),
        "config": config,
        "host_config": host,
        "anonymous": _anonymous(attrs),
        "endpoints": [
            asdict(Endpoint.of(name, one, attrs["Id"]))
            for name, one in sorted(networks.items(), key=lambda item: item[0] != main)
            if not main.startswith(_NO_NETWORKS)
        ],
    }


def _published(attrs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ports as they are published now: the engine would choose others the next time."""
    asked: Mapping[str, Any] | None = attrs["HostConfig"].get("PortBindings")
    now = attrs["NetworkSettings"].get("Ports") or {}
    if not asked:
        return None
    chosen = {}
    for port, bindings in asked.items():
        free = any(one.get("HostPort") in {"", "0"} for one in bindings or ())
        chosen[port] = now.get(port) or bindings if free else bindings
    return chosen


def _anonymous(attrs: Mapping[str, Any]) -> list[str]:
    """Where a volume is mounted that nobody named."""
    host = attrs["HostConfig"]
    named = {bind.split(":")[1] for bind in host.get("Binds") or () if ":" in bind}
    named |= {one["Target"] for one in host.get("Mounts") or () if one.get("Source")}
    mounts = attrs.get("Mounts") or ()
    return sorted(
        one["Destination"]
        for one in mounts
        if one["Type"] == "volume" and one["Destination"] not in named
    )


def endpoints_of(saved: Saved) -> tuple[Endpoint, ...]:
    """The networks that it was on; its main one first."""
    return tuple(
        Endpoint(**{**one, "aliases": tuple(one["aliases"]), "links": tuple(one["links"])})
        for one in saved["endpoints"]
    )


def create(
    client: docker.DockerClient,
    saved: Saved,
    *,
    name: str,
    changes: Mapping[str, Any] | None = None,
    volumes_from: str | None = None,
) -> Container:
    """A container that is not started yet; `changes` are of its Config. Raises the SDK's errors."""
    config = {"Image": _image(client, saved), **_without_image(saved), **(changes or {})}
    host = dict(saved["host_config"])
    if volumes_from is not None and saved["anonymous"]:
        host |= _inheriting(host, saved["anonymous"], volumes_from)
    endpoints = endpoints_of(saved)
    first = {one.network: one.config(client) for one in endpoints[:1]}
    body = {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": first}}
    create_from: Any = client.api.create_container_from_config
    made = create_from(body, name)
    for one in endpoints[1:]:
        join(client, made["Id"], one)
    return client.containers.get(made["Id"])


def _inheriting(host: Mapping[str, Any], anonymous: list[str], heir_of: str) -> dict[str, Any]:
    """The HostConfig with the predecessor's anonymous volumes, instead of new ones."""
    mounts = host.get("Mounts") or ()
    return {
        "VolumesFrom": [*(host.get("VolumesFrom") or ()), heir_of],
        "Binds": [one for one in host.get("Binds") or () if one not in anonymous],
        "Mounts": [one for one in mounts if one["Target"] not in anonymous],
    }


def _image(client: docker.DockerClient, saved: Saved) -> str:
    """By its name, unless that means another image by now."""
    name = str(saved["config"]["Image"])
    try:
        same = client.images.get(name).id == saved["image_id"]
    except docker.errors.ImageNotFound:
        same = False
    return name if same else str(saved["image_id"])


def _without_image(saved: Saved) -> dict[str, Any]:
    return {key: value for key, value in saved["config"].items() if key != "Image"}


def start(client: docker.DockerClient, container: Container, saved: Saved) -> None:
    """Start it, with its old addresses where they are to be had."""
    try:
        start_plainly(client, container)
    except docker.errors.APIError as error:
        if not cannot_have_address(error):
            raise
        _join_again(client, container, [replace(one, address="") for one in endpoints_of(saved)])
        container.start()
    container.reload()
    now = container.attrs["NetworkSettings"]["Networks"] or {}
    moved = [
        one
        for one in endpoints_of(saved)
        if (now.get(one.network) or {}).get("IPAddress") not in {None, "", one.address}
    ]
    _join_again(client, container, moved)


def _join_again(
    client: docker.DockerClient, container: Container, endpoints: Iterable[Endpoint]
) -> None:
    for one in endpoints:
        client.api.disconnect_container_from_network(container.id or "", one.network)
        join(client, container.id or "", one)


def chosen_by_service(config: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a container's Config that its image did not bring along.

    The engine merges the two; another image must get its own defaults instead of the old ones.
    """
    own = {key: value for key, value in config.items() if value != image.get(key) or not value}
    brought = set(image.get("Env") or ())
    own["Env"] = [one for one in config.get("Env") or () if one not in brought]
    for key in ("Labels", "Volumes", "ExposedPorts"):
        theirs = image.get(key) or {}
        mine = config.get(key) or {}
        own[key] = {name: one for name, one in mine.items() if theirs.get(name, _NONE) != one}
    if config.get("Entrypoint") != image.get("Entrypoint"):
        own["Cmd"] = config.get("Cmd")  # an entrypoint of the service's own also drops the image's
    return own


_NONE = object()
