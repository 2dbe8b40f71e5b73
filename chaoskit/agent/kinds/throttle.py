"""Kind `throttle`: an instance may read and write only so much a second of one disk.

Parameters: `pid`, `container`, `tag`, `path` (a folder; its disk is meant), `limits`: some of
`read_bytes`, `write_bytes`, `read_operations`, `write_operations`, each a number a second. From the
survey: `start_ticks`, `place`, `device`, `group` (of blkio or io) and `changes` of its values.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import cgroups
from chaoskit.agent.groups.cgroups import Change, Group
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds.file import kept_name
from chaoskit.agent.proof import disk_rate
from chaoskit.agent.storage import places

CAPABILITIES = ("DAC_OVERRIDE",)

_LIMIT = "disk"
_FILES = {
    "read_bytes": ("blkio.throttle.read_bps_device", "rbps"),
    "write_bytes": ("blkio.throttle.write_bps_device", "wbps"),
    "read_operations": ("blkio.throttle.read_iops_device", "riops"),
    "write_operations": ("blkio.throttle.write_iops_device", "wiops"),
}


@dataclass(frozen=True, kw_only=True)
class DiskGroup(Group):
    """A control group whose values are those of one disk, "0" or "max" where there is no limit."""

    device: str

    def read(self, name: str) -> str:
        """The limit in a file of version 1, or of a key of version 2's io.max. Raises OSError."""
        text = super().read(name if self.version == 1 else "io.max")
        rows = (line.split() for line in text.splitlines())
        words = next((row[1:] for row in rows if row and row[0] == self.device), [])
        if self.version == 1:
            return words[0] if words else "0"
        return dict(word.split("=") for word in words).get(name, "max")

    def write(self, name: str, value: str) -> None:
        """Set that limit. Raises OSError."""
        if name.startswith("cgroup."):
            super().write(name, value)
        elif self.version == 1:
            super().write(name, f"{self.device} {value}")
        else:
            super().write("io.max", f"{self.device} {name}={value}")


def survey(params: Params) -> dict[str, Any]:
    """The disk and its limits as they are. Raises Refused where there is no disk to slow."""
    found = instances.look(params)
    pid, path = params["pid"], params["path"]
    try:
        if not places.inside(pid, path).is_dir():
            message = f"{path} is not a folder of the instance"
            raise Refused(message)
        place = places.note(pid, path)
        device = disk_of(place["device"], path)
        where = cgroups.locate(params, "blkio" if _is_first_version(pid) else "io")
        group = _group(where, device)
        changes = [
            {"file": file, "before": group.read(file), "after": str(value)}
            for file, value in _files(group, params["limits"])
        ]
    except OSError as error:
        message = f"the disk of {path} cannot be looked at: {error.strerror}"
        raise Refused(message) from error
    return {**found, "place": place, "device": device, "group": where, "changes": changes}


def disk_of(device: str, path: str) -> str:
    """The whole disk of a file system: a partition has no limits of its own. Raises Refused."""
    folder = Path(f"/sys/dev/block/{device}")
    if not folder.exists():
        message = f"{path} is on no disk (device {device}); what is in memory cannot be slowed"
        raise Refused(message)
    if (folder / "partition").exists():
        return (folder.resolve().parent / "dev").read_text(encoding="ascii").strip()
    return device


def _is_first_version(pid: int) -> bool:
    text = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    return any("blkio" in line.split(":")[1].split(",") for line in text.splitlines())


def _files(group: Group, limits: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(_FILES[key][group.version - 1], value) for key, value in limits.items()]


def _group(where: Mapping[str, Any], device: str) -> DiskGroup:
    plain = cgroups.group_at(where)
    return DiskGroup(version=plain.version, folder=plain.folder, device=device)


def apply(params: Params) -> Effect:
    """Set the limits, and measure them by direct reads and writes from inside the group."""
    if not instances.alive(params):
        message = "the instance's main process ended before its disk was slowed"
        raise Refused(message)
    group, changes = _group(params["group"], params["device"]), _changes(params)
    try:
        probe = places.inside(params["pid"], params["path"]) / kept_name(params["tag"], 0)
        disk_rate.prepare(probe)
        requested_ns = time.monotonic_ns()
        cgroups.hold(group, _LIMIT, params["tag"], changes)
        in_effect_ns = time.monotonic_ns()
        evidence = disk_rate.prove(probe, group, params["limits"])
        _remove_probe(params)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _changes(params: Params) -> tuple[Change, ...]:
    return cgroups.as_changes(params["changes"])


def _probe(params: Params) -> Path | None:
    """The file that the rate is measured with, wherever its folder is by now."""
    folder = places.find(params, params["place"])
    return folder / kept_name(params["tag"], 0) if folder is not None else None


def _remove_probe(params: Params) -> None:
    probe = _probe(params)
    if probe is not None and probe.parent.is_dir():
        probe.unlink(missing_ok=True)


def check(params: Params) -> tuple[bool, str]:
    """In effect while the limits are there, in the group that they were set in."""
    group = _group(params["group"], params["device"])
    return cgroups.held(group, _LIMIT, params["tag"], _changes(params))


def undo(params: Params) -> Gone:
    """Put the limits back to what they were."""
    _remove_probe(params)
    group = _group(params["group"], params["device"])
    evidence = cgroups.release(group, _LIMIT, params["tag"], _changes(params))
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot slow a disk, or ""."""
    if lacking := processes.lacking("SYS_ADMIN", "SYS_PTRACE", *CAPABILITIES):
        return lacking
    try:
        controller = "blkio" if _is_first_version(1) else "io"
        where = cgroups.locate({"pid": 1}, controller)
    except (Refused, OSError) as error:
        return str(error)
    group = cgroups.group_at(where)
    if group.version == 1 and not (group.folder / _FILES["read_bytes"][0]).exists():
        return "the kernel was built without CONFIG_BLK_DEV_THROTTLING"
    return ""


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=CAPABILITIES,
    remedy="a kernel with CONFIG_BLK_DEV_THROTTLING, and the controller blkio or io switched on",
)
