"""Whose process an order means, and whether its namespaces may be touched.

Every kind asks the same questions before it does anything: is it still that process, does it belong
to that container, is its network its own? They are asked, and refused, in one place.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Params, Refused


def look(params: Params) -> dict[str, Any]:
    """The main process's start time. Raises Refused when it is gone, or not that container's."""
    pid, container = params["pid"], params.get("container", "")
    if pid <= 0:
        message = "the instance is not running"
        raise Refused(message)
    ticks = processes.start_ticks(pid)
    if ticks is None:
        message = f"there is no process {pid}; is the engine on this host?"
        raise Refused(message)
    if container and not processes.in_container(pid, container):
        message = f"process {pid} does not belong to container {container[:12]}"
        raise Refused(message)
    return {"start_ticks": ticks}


def look_at_network(params: Params) -> dict[str, Any]:
    """The start time and the network namespace (`network`, its inode) of an instance.

    Raises Refused for the host's own network, and for one that is shared with other containers
    unless `shared` in the parameters says that all of them are meant.
    """
    found = look(params)
    inode = processes.namespace(params["pid"], "net")
    if inode is None or inode == processes.host_network():
        message = "the instance uses the host's own network, which is not ours to break"
        raise Refused(message)
    others = sorted(set(_others_in(inode, params)))
    if others and not params.get("shared"):
        message = (
            f"the instance shares its network with container {', '.join(others)}: "
            "the fault would reach that one too"
        )
        raise Refused(message)
    return {**found, "network": inode}


def alive(params: Params) -> bool:
    """Whether the main process that was looked at still runs."""
    return processes.same_process(params["pid"], params.get("start_ticks"))


def somebody_inside(params: Params) -> int | None:
    """A process in the network that was looked at, to enter it by; None when there is nobody.

    The main process, or else whoever shares its network. The number of a namespace is used again,
    so this may be somebody else's: only what carries our tag may be touched there.
    """
    pid, inode = params["pid"], params.get("network")
    if alive(params):
        return int(pid)
    if inode is None or inode == processes.host_network():
        return None
    members = processes.members(inode, "net")
    return next((one for one in members if processes.start_ticks(one) is not None), None)


def _others_in(inode: int, params: Params) -> Iterator[str]:
    """The short ids of other containers in that network; our own helpers are none."""
    ours = params.get("container", "")
    for pid in processes.members(inode, "net"):
        container = container_of(pid)
        if container and ours and container != ours and not _is_agent(pid):
            yield container[:12]


def container_of(pid: int) -> str:
    """The id of the container that a process belongs to, as its control groups tell; or ""."""
    try:
        text = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""
    for line in text.splitlines():
        name = line.rpartition("/")[2].removeprefix("docker-").removesuffix(".scope")
        if len(name) == 64 and all(one in "0123456789abcdef" for one in name):
            return name
    return ""


def _is_agent(pid: int) -> bool:
    try:
        return b"chaoskit.agent" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
