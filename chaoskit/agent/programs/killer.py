"""Program `killer`: kills every new main process of a container, a few times.

Configuration: `container`, `pid` (the main process now, killed at once), `place` (its pids group,
which has the same path after each restart), `times`, `after_s` (of life, before a kill).
Ready message: `{"requested_ns", "in_effect_ns", "pid"}` of the first kill. The order `{}` is
answered with `{"kills", "last_pid"}`.
"""

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.groups import cgroups
from chaoskit.agent.kind import Refused
from chaoskit.agent.programs import talk

_LOOK_S = 0.01  # between two looks at the group
_PROOF_S = 2.0
_STARTING = ("runc:[", "crun", "exe", "youki")  # the engine's own program, before the container's


def main() -> None:
    """Kill the first one, tell, and go on until told to stop."""
    config = talk.read_config()
    try:
        first = _kill(config["pid"], config)
    except Refused as refusal:
        talk.fail(str(refusal))
        return
    if first is None:
        talk.fail("the instance's main process ended before it was killed")
        return
    talk.tell(first)
    _go_on(config, first["pid"])


def _go_on(config: dict[str, Any], last_pid: int) -> None:
    kills, seen = 1, {last_pid}
    came_up: dict[int, float] = {}  # by pid, when it was first seen to run the container's program
    orders = select.poll()
    orders.register(talk.ORDERS, select.POLLIN)
    while True:
        if orders.poll(_LOOK_S * 1000):
            if talk.read_order() is None:
                return
            talk.tell({"kills": kills, "last_pid": last_pid})
        if kills >= config["times"]:
            continue
        pid = _main_process(config)
        if pid is None or pid in seen:
            continue
        if time.monotonic() - came_up.setdefault(pid, time.monotonic()) < config["after_s"]:
            continue
        with suppress(Refused):
            if _kill(pid, config) is not None:
                kills, last_pid = kills + 1, pid
                seen.add(pid)


def _main_process(config: dict[str, Any]) -> int | None:
    """The container's main process, when it runs the container's own program already."""
    try:
        pids = cgroups.group_at(config["place"]).read("cgroup.procs").split()
    except (OSError, Refused):
        return None  # between two lives
    for pid in map(int, pids):
        if processes.first_of_its_namespace(pid) and not _is_starting(pid):
            return pid
    return None


def _is_starting(pid: int) -> bool:
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return name.startswith(_STARTING)


def _kill(pid: int, config: dict[str, Any]) -> dict[str, Any] | None:
    """SIGKILL and its proof; None when it is not there any more. Raises Refused."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        if not processes.in_container(pid, config["container"]):
            return None
        requested_ns = time.monotonic_ns()
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        dying = processes.poll(lambda: processes.is_exiting(pid), timeout_s=_PROOF_S)
        in_effect_ns = time.monotonic_ns()
    except ProcessLookupError:
        return None
    finally:
        os.close(handle)
    if not dying:
        message = f"process {pid} did not end within {_PROOF_S:g} s of SIGKILL"
        raise Refused(message)
    return {"pid": pid, "requested_ns": requested_ns, "in_effect_ns": in_effect_ns}


if __name__ == "__main__":
    main()
