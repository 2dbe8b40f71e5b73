"""The disk: a FUSE file system of ours between a service and its volume, there from the start.

A helper container serves it. The mount has to be seen by containers that the engine starts later,
and again whenever it restarts one, so it is made below a volume of ours that the engine itself
mounts as shared: from there it spreads to the engine, and from the engine to the containers. When
the helper goes, the engine unmounts that volume, and the file system with it.
"""

import posixpath
import secrets

from docker.models.containers import Container

from chaoskit.agent.storage.disks import SHELF
from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.fittings import Fitting
from chaoskit.target import images
from chaoskit.target.engine import ROLE_LABEL
from chaoskit.target.fittings import base
from chaoskit.target.fittings.base import Config, Place
from chaoskit.target.patience import wait_until

ROLE = "disk"

_BACKING, _SHELF, _SOCKET = "/backing", "/shelf", "/run/disk.sock"
_MOUNT = f"{_SHELF}/disk"
# Beyond SYS_ADMIN, which mounts: what is needed to act for whoever owns a file.
_CAPABILITIES = (
    "SYS_ADMIN", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP", "LINUX_IMMUTABLE"
)  # fmt: skip
_READY_S = 15.0


def fit(model: Config, fitting: Fitting, place: Place) -> None:
    """Put a disk under every service that has the volume which this service has at the path."""
    service = model["services"][fitting.service]
    path = posixpath.normpath(fitting.path)
    entry = _entry(service, path)
    if entry is not None and SHELF in entry.get("source", ""):
        return  # another service has the same volume, and was fitted first
    volume, definition = _volume(model, fitting, entry)
    name = place.make_volume(volume, definition)
    users = _users(model, volume) or [(fitting.service, path, entry)]
    _fill(model, users, name, place)
    source = _serve(fitting, name, place)
    for user, where, before in users:
        _replace(model["services"][user], where, before, source)
    if volume in (model.get("volumes") or {}):
        model["volumes"][volume] = {"name": name, "external": True}


def _entry(service: Config, path: str) -> Config | None:
    """What the service mounts at a path, in Compose's long form; None for nothing."""
    for one in service.get("volumes") or ():
        if posixpath.normpath(one["target"]) == path:
            return dict(one)
    return None


def _volume(model: Config, fitting: Fitting, entry: Config | None) -> tuple[str, Config]:
    """The volume that will be under the disk, and its definition. Raises EnvironmentUnfit.

    The service's own named volume; where it has none, a new one, which only one instance can have.
    """
    kind = entry["type"] if entry else ""
    if kind == "bind":
        message = (
            f"{fitting}: that is a folder of yours, {entry['source'] if entry else ''}; "
            "a disk that may lose data is only put over a volume of the copy's own"
        )
        raise EnvironmentUnfit(message)
    if kind == "volume" and entry and entry.get("source"):
        if (entry.get("volume") or {}).get("subpath"):
            message = f"{fitting}: only a part of a volume is mounted there, by `subpath`"
            raise EnvironmentUnfit(message)
        return entry["source"], dict((model.get("volumes") or {}).get(entry["source"]) or {})
    if base.instances_of(model["services"][fitting.service]) > 1:
        message = (
            f"{fitting}: the service has several instances and no named volume there, so that "
            "each would need a disk of its own; that is not done"
        )
        raise EnvironmentUnfit(message)
    number = fitting.path.strip("/").replace("/", "-")
    return f"chaoskit-disk-{fitting.service}-{number}", {}


def _users(model: Config, volume: str) -> list[tuple[str, str, Config | None]]:
    """Every service that has a volume: where, and by which entry. A disk must be under all."""
    return [
        (name, posixpath.normpath(one["target"]), dict(one))
        for name, service in model["services"].items()
        for one in service.get("volumes") or ()
        if one["type"] == "volume" and one.get("source") == volume
    ]


def _fill(
    model: Config, users: list[tuple[str, str, Config | None]], volume: str, place: Place
) -> None:
    """Let the engine put into the empty volume what the image has there, as it would have done."""
    for user, where, entry in users:
        if not ((entry or {}).get("volume") or {}).get("nocopy"):
            image = base.image_of(model, user, place)
            with place.asleep(
                image, entrypoint=["true"], volumes={volume: {"bind": where, "mode": "rw"}}
            ):
                pass
            return


def _serve(fitting: Fitting, volume: str, place: Place) -> str:
    """Start the helper; the folder on the engine's host where the disk is."""
    token = secrets.token_hex(8)
    shelf = f"{place.project}{SHELF}{token}"
    made = place.client.volumes.create(
        shelf,
        driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "shared,size=64k,mode=755"},
        labels=place.all_labels,
    )
    where = made.attrs["Mountpoint"]
    options = " ".join(place.client.info().get("SecurityOptions") or ())
    unconfined = ["apparmor=unconfined"] if "name=apparmor" in options else []
    unconfined += ["label=disable"] if "name=selinux" in options else []
    container = place.client.containers.create(
        images.ensure_agent(place.client, place.progress),
        entrypoint=["python3", "-u", "-S", "-m", "chaoskit.agent.fusefs"],
        command=[_BACKING, _MOUNT, _SOCKET, token, *(["--unsynced"] if fitting.remembers else [])],
        name=f"{place.project}-disk-{token}",
        labels={**place.all_labels, ROLE_LABEL: ROLE},
        network_mode="none",
        cap_drop=["ALL"],
        cap_add=list(_CAPABILITIES),
        security_opt=unconfined,
        devices=["/dev/fuse:/dev/fuse:rwm"],
        read_only=True,
        tmpfs={"/run": "size=1m"},
        # The volume is named so that the engine mounts it; the bind is how the mount gets out.
        volumes=[
            f"{volume}:{_BACKING}:nocopy",
            f"{shelf}:/keep:nocopy",
            f"{where}:{_SHELF}:rshared",
        ],
    )
    container.start()
    _await(container, fitting)
    return f"{where}/{posixpath.basename(_MOUNT)}"


def _await(container: Container, fitting: Fitting) -> None:
    """Until it says that it serves. Raises EnvironmentUnfit with its last words."""

    def over() -> bool:
        container.reload()
        return b"ready" in container.logs() or container.status != "running"

    wait_until(over, timeout_s=_READY_S)
    said = container.logs().decode(errors="replace")
    if "ready" not in said:
        message = (
            f"{fitting}: the file system (FUSE) cannot be served on this engine; its host needs "
            f"/dev/fuse. It said: {said.strip()[-500:] or 'nothing'}"
        )
        raise EnvironmentUnfit(message)


def _replace(service: Config, where: str, before: Config | None, source: str) -> None:
    """Mount the disk where the volume was."""
    others = [
        one for one in service.get("volumes") or () if posixpath.normpath(one["target"]) != where
    ]
    mount: Config = {
        "type": "bind",
        "source": source,
        "target": where,
        "bind": {"create_host_path": False, "propagation": "rslave"},
    }
    if (before or {}).get("read_only"):
        mount["read_only"] = True
    service["volumes"] = [*others, mount]
    if service.get("tmpfs"):  # the short way to write one
        kept = [one for one in service["tmpfs"] if one.partition(":")[0].rstrip("/") != where]
        service["tmpfs"] = kept
