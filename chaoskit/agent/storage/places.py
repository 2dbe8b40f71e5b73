"""Files of an instance, seen from outside: found now, and found again when the instance has gone.

A path is walked by hand below /proc/PID/root, because a symbolic link in there means the instance's
own root. What is changed on a volume outlives the instance; so every place is noted with the file
system that it is on, by which any later agent finds it.
"""

import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.storage import mounts

_MOST_LINKS = 40
_WILD = frozenset("*?[")


def inside(pid: int, path: str) -> Path:
    """Where an absolute path of an instance is, below /proc/PID/root, links followed.

    What does not exist is taken as it is written. Raises Refused for a path that is not absolute or
    a circle of links, OSError when the process is gone.
    """
    if not path.startswith("/"):
        message = f"{path!r} is not an absolute path; write one that starts with /"
        raise Refused(message)
    root = Path(f"/proc/{pid}/root")
    here, rest, links = root, _parts(path), 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            here = here.parent if here != root else root
            continue
        there = here / part
        if not there.is_symlink():
            here = there
            continue
        links += 1
        if links > _MOST_LINKS:
            message = f"{path} is a circle of symbolic links"
            raise Refused(message)
        target = os.readlink(there)  # noqa: PTH115  # a Path would drop what makes it absolute
        here = root if target.startswith("/") else here
        rest = _parts(target) + rest
    return here


def as_seen(pid: int, path: Path) -> str:
    """The instance's own name for a path below /proc/PID/root."""
    return "/" + str(path.relative_to(f"/proc/{pid}/root")).lstrip(".")


def matching(pid: int, pattern: str) -> list[str]:
    """The regular files of an instance that a pattern means, by the instance's own names.

    `*`, `?` and `[...]` match within one part of the path; links among what matches are left out.
    """
    parts = _parts(pattern)
    wild = next((n for n, one in enumerate(parts) if _WILD & set(one)), len(parts))
    found = [inside(pid, "/" + "/".join(parts[:wild]))]
    for part in parts[wild:]:
        found = [
            one for folder in found for one in _children(folder) if fnmatchcase(one.name, part)
        ]
    files = [one for one in found if one.is_file() and not one.is_symlink()]
    return [as_seen(pid, one) for one in sorted(files)]


def _children(folder: Path) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    return list(folder.iterdir())


def note(pid: int, path: str) -> dict[str, Any]:
    """A place by which it is found later: its path, and the file system and the path in that."""
    there = as_seen(pid, inside(pid, path))
    mount = mounts.covering(mounts.of(pid), there)
    device, inner = mount.device, _joined(mount.root, there, mount.point)
    if mount.upper_folder:  # written down where it outlives the overlay
        kept = mount.upper_folder + _joined("/", there, mount.point)
        host = mounts.covering(mounts.of(1), kept)
        device, inner = host.device, _joined(host.root, kept, host.point)
    return {"path": there, "device": device, "inner": inner}


def find(params: Params, place: Params) -> Path | None:
    """Where a noted place is now; None when the instance and its file system are gone.

    First through the instance or whatever runs in its container by now, else through any mount of
    the same file system.
    """
    for pid in _processes_of(params):
        try:
            return inside(pid, place["path"])
        except OSError:
            continue  # it has ended
    return next(_through_mounts(place), None)


def main_process(params: Params) -> int | None:
    """The first process of the instance's container now: another one after a restart."""
    if instances.alive(params):
        return int(params["pid"])
    mine = _processes_of(params)
    return next((pid for pid in mine if processes.first_of_its_namespace(pid)), None)


def _processes_of(params: Params) -> Iterator[int]:
    if instances.alive(params):
        yield int(params["pid"])
    container = params.get("container", "")
    for name in os.listdir("/proc") if container else ():  # noqa: PTH208
        if name.isdigit() and instances.container_of(int(name)) == container:
            yield int(name)


def _through_mounts(place: Params) -> Iterator[Path]:
    seen = set()
    for pid in (1, *(int(name) for name in os.listdir("/proc") if name.isdigit())):  # noqa: PTH208
        namespace = processes.namespace(pid, "mnt")
        if namespace is None or namespace in seen:
            continue
        seen.add(namespace)
        try:
            table = mounts.of(pid)
        except OSError:
            continue
        for one in table:
            if one.device == place["device"] and mounts.is_below(place["inner"], one.root):
                point = one.point.rstrip("/") + _joined("/", place["inner"], one.root)
                # What another mount lies over cannot be reached by this name.
                if mounts.covering(table, point).device == place["device"]:
                    yield Path(f"/proc/{pid}/root{point}")


def must_be_own_file(path: Path) -> os.stat_result:
    """The state of a regular file. Raises Refused for anything else."""
    try:
        state = path.lstat()
    except OSError as error:
        message = f"{path.name}: {error.strerror}"
        raise Refused(message) from error
    if not stat.S_ISREG(state.st_mode):
        message = f"{path.name} is not a regular file"
        raise Refused(message)
    return state


def _joined(root: str, path: str, point: str) -> str:
    """The path with the point it is mounted at replaced by what is mounted there."""
    rest = path[len(point.rstrip("/")) :].lstrip("/")
    return str(PurePosixPath(root) / rest)


def _parts(path: str) -> list[str]:
    return [one for one in path.split("/") if one not in ("", ".")]
