"""The processes of an instance, and what /proc tells about them."""

import os
from dataclasses import dataclass
from pathlib import Path

from chaoskit.agent import processes
from chaoskit.agent.kind import Params

_OURS = b"chaoskit.agent"  # helpers of the agent join an instance's groups, but are not of it


@dataclass(frozen=True, kw_only=True)
class Inhabitant:
    """One process of an instance."""

    pid: int  # in the host's pid namespace
    ticks: int  # when it started, to know it again
    name: str  # as `ps` shows it, at most 15 letters
    command: str  # its command line, with spaces


def inhabitants(params: Params) -> list[Inhabitant]:
    """Everybody of the instance who runs now, the main process first.

    Without a container's name, a pid namespace that it shares (such as the host's) says nothing
    about who belongs to it: then it is the main process alone.
    """
    container, main = params.get("container", ""), params["pid"]
    inode = processes.namespace(main, "pid")
    if inode is None:
        return []
    apart = bool(container) or processes.first_of_its_namespace(main)
    found = []
    for pid in processes.members(inode, "pid") if apart else [main]:
        ticks = processes.start_ticks(pid)
        if ticks is None or (container and not processes.in_container(pid, container)):
            continue
        words = _bytes(pid, "cmdline")
        if _OURS in words:
            continue
        command = words.replace(b"\0", b" ").decode(errors="replace").strip()
        name = _bytes(pid, "comm").decode(errors="replace").strip()
        found.append(Inhabitant(pid=pid, ticks=ticks, name=name, command=command))
    return sorted(found, key=lambda one: (one.pid != main, one.pid))


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status by its keys; empty when the process is gone."""
    lines = _bytes(pid, "status").decode(errors="replace").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def owner(pid: int) -> tuple[int, int] | None:
    """The real user and group id of a process; None when it is gone."""
    found = status(pid)
    if "Uid" not in found or "Gid" not in found:
        return None
    return int(found["Uid"].split()[0]), int(found["Gid"].split()[0])


def parent(pid: int) -> int:
    """The parent's pid; 0 when there is none, or the process is gone."""
    return int(status(pid).get("PPid", "0"))


def _bytes(pid: int, name: str) -> bytes:
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return _all_of(descriptor)
    except OSError:
        return b""  # it ended while we read
    finally:
        os.close(descriptor)


def _all_of(descriptor: int) -> bytes:
    data = b""
    while more := os.read(descriptor, 1 << 16):
        data += more
    return data


def command_name(one: Inhabitant) -> str:
    """The last part of the program's path, which may be longer than what `ps` shows."""
    return Path(one.command.split(" ", 1)[0]).name if one.command else one.name
