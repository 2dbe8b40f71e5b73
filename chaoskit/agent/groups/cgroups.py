"""The control groups of an instance: where its limits and its use are, on cgroup v1 and v2.

The agent sees only its own groups at /sys/fs/cgroup, read-only. So it mounts the hierarchy for
itself, in its own mount namespace: the kernel then shows the whole tree, whoever arranged it.

What is changed is marked: an empty child group with our tag in its name. The engine removes it with
the instance's group when the instance ends, so the mark tells a group that we changed from the
fresh one of a restarted instance. It also keeps two faults from changing the same limit.
"""

import ctypes
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Params, Refused

_MOUNTS = Path("/run/chaoskit-cgroups")
_CLONE_NEWCGROUP = 0x02000000
_MARK = "chaoskit"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Group:
    """One control group: a folder of files."""

    version: int  # of the control group file system: 1 or 2
    folder: Path

    @property
    def exists(self) -> bool:
        """Whether the group is there; the engine removes it when the instance ends."""
        return self.folder.is_dir()

    def read(self, name: str) -> str:
        """The value in a file, stripped. Raises OSError when it or the group is gone."""
        return (self.folder / name).read_text(encoding="ascii").strip()

    def write(self, name: str, value: str) -> None:
        """Set a value. Raises OSError with the kernel's refusal."""
        with (self.folder / name).open("w", encoding="ascii") as file:
            file.write(value)

    def join(self, pid: int) -> None:
        """Put a process into the group. Raises OSError."""
        self.write("cgroup.procs", str(pid))

    def numbers(self, name: str) -> dict[str, int]:
        """A file of `name value` lines. Raises OSError."""
        rows = (line.split() for line in self.read(name).splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value, as it was and as it shall be."""

    file: str
    before: str
    after: str


def as_changes(rows: Iterable[Mapping[str, str]]) -> tuple[Change, ...]:
    """Changes from plain data, as it comes back from the undo log."""
    return tuple(Change(**row) for row in rows)


def locate(params: Params, controller: str) -> dict[str, Any]:
    """Where the instance's group of that controller is, as plain data for the undo.

    Raises Refused when this machine does not have the controller.
    """
    _see_everything()
    try:
        text = Path(f"/proc/{params['pid']}/cgroup").read_text(encoding="utf-8")
    except OSError as error:
        message = "the instance ended while its control groups were looked at"
        raise Refused(message) from error
    where = place_in(text, controller, params.get("container", ""))
    if not group_at(where).exists:
        message = f"the instance's {controller} group {where['path']} cannot be seen"
        raise Refused(message)
    return where


def place_in(text: str, controller: str, container: str) -> dict[str, Any]:
    """Where a controller's group is, by the text of a /proc/PID/cgroup.

    A container may divide its own group further; its limits are on the one that the engine made.
    """
    unified = None
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return {"version": 1, "hierarchy": names, "path": _of_container(path, container)}
        if not names:
            unified = path
    if unified is None:
        message = f"the kernel has no control group of {controller}"
        raise Refused(message)
    return {"version": 2, "hierarchy": "", "path": _of_container(unified, container)}


def _of_container(path: str, container: str) -> str:
    parts = path.split("/")
    named = [place for place, part in enumerate(parts) if container and container in part]
    return "/".join(parts[: named[0] + 1]) if named else path


def group_at(where: Mapping[str, Any]) -> Group:
    """The group at a place that was located, by this agent or an earlier one."""
    _see_everything()
    root = _mounted(int(where["version"]), str(where["hierarchy"]))
    return Group(version=where["version"], folder=root / str(where["path"]).lstrip("/"))


def _mounted(version: int, hierarchy: str) -> Path:
    """The folder where the hierarchy is mounted, for us alone. Raises Refused."""
    folder = _MOUNTS / (hierarchy.replace(",", "-") or "unified")
    if (folder / "cgroup.procs").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    kind = b"cgroup" if version == 1 else b"cgroup2"
    options = hierarchy.encode() if version == 1 else None
    if _libc.mount(b"chaoskit", str(folder).encode(), kind, 0, options) != 0:
        reason = os.strerror(ctypes.get_errno())
        message = f"the control groups ({hierarchy or 'unified'}) cannot be mounted: {reason}"
        raise Refused(message)
    return folder


def _see_everything() -> None:
    """Step into the host's cgroup namespace: paths are then the same for every agent."""
    for pid in (1, 2):  # a kernel thread where the first process is closed to us
        inode = processes.namespace(pid, "cgroup")
        if inode is None:
            continue
        if inode != processes.namespace("self", "cgroup"):
            _enter(pid)
        return


def _enter(pid: int) -> None:
    descriptor = os.open(f"/proc/{pid}/ns/cgroup", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWCGROUP) != 0:
            reason = os.strerror(ctypes.get_errno())
            message = f"the host's control groups cannot be seen: {reason}"
            raise Refused(message)
    finally:
        os.close(descriptor)


def hold(group: Group, limit: str, tag: str, changes: Sequence[Change]) -> None:
    """Mark the group and change its values; all or nothing. `limit` is a word such as `pids`.

    Raises Refused when another fault holds that limit, or the kernel does not take a value.
    """
    if others := [one for one in _marks(group, limit) if one != _mark(limit, tag)]:
        message = (
            f"another fault ({others[0].partition(f'{_MARK}.{limit}.')[2]}) holds the instance's "
            f"{limit} limit already; lift it first"
        )
        raise Refused(message)
    try:
        (group.folder / _mark(limit, tag)).mkdir(exist_ok=True)
        for change in changes:
            group.write(change.file, change.after)
            _must_read(group, change.file, change.after)
    except (OSError, Refused) as error:
        undone = release(group, limit, tag, changes)
        message = f"{error}; undone: {undone}"
        raise Refused(message) from error


def held(group: Group, limit: str, tag: str, changes: Sequence[Change]) -> tuple[bool, str]:
    """Whether the changed values are there now, and the evidence."""
    try:
        values = [f"{change.file} is {group.read(change.file)}" for change in changes]
        same = all(group.read(change.file) == change.after for change in changes)
    except OSError:
        return False, "the instance is gone, and its control group with it"
    ours = (group.folder / _mark(limit, tag)).is_dir()
    return same and ours, ", ".join(values) + ("" if ours else ", in a fresh control group")


def release(group: Group, limit: str, tag: str, changes: Sequence[Change]) -> str:
    """Put our values back and take the mark away; the evidence. Raises Refused when one stays.

    Only what still has our value is touched: a group without our mark is that of a restarted
    instance and has the engine's own values, and another value may be the system's own repair.
    """
    mark = group.folder / _mark(limit, tag)
    fresh = not mark.is_dir()
    if fresh and _marks(group, limit):
        return f"another fault holds the instance's {limit} limit, and it is left alone"
    try:
        foreign = [one for one in reversed(changes) if not _put_back(group, one)]
        if not fresh:
            mark.rmdir()
        values = ", ".join(f"{one.file} is {group.read(one.file)}" for one in changes)
    except OSError as error:
        if group.exists:
            message = f"the instance's {limit} limit cannot be put back: {error.strerror}"
            raise Refused(message) from error
        return "the instance is gone, and its control group with it"
    if fresh:
        return f"{values} (a fresh control group: the instance was restarted)"
    return f"{values}, set by somebody else and left alone" if foreign else f"{values} again"


def _put_back(group: Group, change: Change) -> bool:
    """Undo one change; False when the value is neither ours nor the one from before."""
    now = group.read(change.file)
    if now == change.after:
        group.write(change.file, change.before)
        _must_read(group, change.file, change.before)
    return now in {change.after, change.before}


def _must_read(group: Group, file: str, value: str) -> None:
    now = group.read(file)
    if now != value:
        message = f"{file} was set to {value} and reads {now}"
        raise Refused(message)


def _mark(limit: str, tag: str) -> str:
    return f"{_MARK}.{limit}.{tag.replace('/', ':')}"


def _marks(group: Group, limit: str) -> list[str]:
    try:
        names = [one.name for one in group.folder.iterdir()]
    except OSError:
        return []
    return [name for name in names if name.startswith(f"{_MARK}.{limit}.")]
