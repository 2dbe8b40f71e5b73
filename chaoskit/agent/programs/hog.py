"""Program `hog`: uses CPU time or memory in the name of an instance, inside its control groups.

Configuration: `join` (places of the groups), `pid` (the instance's main process: when it ends, the
hog must be out of its groups before the engine removes them), `resource`, and for `cpu` `workers`
and `load` (the share of a CPU that each wants), for `memory` `bytes` and `at_once` (false: say that
it is ready before it begins, because somebody may be killed on the way).
Ready message: `{"pids": [..], "base_bytes"}`. The order `{}` is answered with `{"bytes"}`.
"""

import mmap
import os
import select
import time
from contextlib import suppress
from typing import Any

from chaoskit.agent.groups import cgroups, forked
from chaoskit.agent.kind import Refused
from chaoskit.agent.programs import talk

_CHUNK_BYTES = 1 << 20
_DUTY_S = 0.02  # work and rest of a worker with less than full load
# The group of a process that was killed stays as long as we are in it, for the agent to read how it
# ended. The agent ends us when it has; the engine tries for 0.3 s to remove the group.
_LINGER_S = 0.1
_PAGE_BYTES = mmap.PAGESIZE


class Life:
    """What ends the hog: the agent's end, or the instance's."""

    def __init__(self, pid: int) -> None:
        self._poll = select.poll()
        self._poll.register(talk.ORDERS, select.POLLIN)
        self._poll.register(os.pidfd_open(pid), select.POLLIN)

    def goes_on(self, timeout_s: float) -> bool:
        """Whether there is nothing to do for that long. A wish to end is never taken back."""
        return not self._poll.poll(timeout_s * 1000)

    def next_order(self) -> bool:
        """Wait for an order; False when it is time to leave."""
        while True:
            events = dict(self._poll.poll())
            if talk.ORDERS not in events or len(events) > 1:
                return False
            return talk.read_order() is not None


def main() -> None:
    """Join the groups, use what was asked for, and stay until told to leave."""
    config = talk.read_config()
    try:
        life = Life(config["pid"])
        for place in config["join"]:
            cgroups.group_at(place).join(os.getpid())
    except (OSError, Refused) as error:
        talk.fail(f"the hog cannot join the instance: {error}")
        return
    if config["resource"] == "cpu":
        _use_cpu(config, life)
    else:
        _use_memory(config, life)


def _use_cpu(config: dict[str, Any], life: Life) -> None:
    pids = []
    try:
        for _ in range(config["workers"]):
            pid = os.fork()
            if pid == 0:
                _work(config["load"])
            pids.append(pid)
        talk.tell({"pids": pids, "base_bytes": 0})
        while life.next_order():
            talk.tell({"bytes": 0})
    finally:
        forked.end(pids)


def _work(load: float) -> None:
    """In a fork: use a share of a CPU, by its own count of the time that it got."""
    try:
        forked.die_with_parent()
        while True:
            began_s = time.monotonic()
            enough_s = time.thread_time() + load * _DUTY_S
            while time.thread_time() < enough_s:
                pass
            if load < 1:
                time.sleep(max(0.0, began_s + _DUTY_S - time.monotonic()))
    finally:
        os._exit(1)


def _use_memory(config: dict[str, Any], life: Life) -> None:
    base_bytes = _resident_bytes()
    ready = {"pids": [os.getpid()], "base_bytes": base_bytes}
    if not config["at_once"]:
        talk.tell(ready)
    area = _filled(config["bytes"], life)
    if area is None:
        time.sleep(_LINGER_S)
        return
    if config["at_once"]:
        talk.tell(ready)
    while life.next_order():
        _touch(area)
        talk.tell({"bytes": _resident_bytes() - base_bytes})


def _filled(size_bytes: int, life: Life) -> mmap.mmap | None:
    """So much memory, every page written; None when it is time to leave."""
    block = os.urandom(_CHUNK_BYTES)  # not to be compressed away
    area = mmap.mmap(-1, size_bytes)
    for start in range(0, size_bytes, _CHUNK_BYTES):
        if not life.goes_on(0):
            return None
        end = min(start + _CHUNK_BYTES, size_bytes)
        area[start:end] = block[: end - start]
    return area


def _touch(area: mmap.mmap) -> None:
    """Write every page again, so that what was swapped out comes back."""
    area[::_PAGE_BYTES] = bytes(-(-len(area) // _PAGE_BYTES))


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # may be called often
        return int(file.read().split()[1]) * _PAGE_BYTES


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
