"""Short work in a process of its own: as a member of an instance's groups, or as another user.

The agent is one thread that must stay what it is, so whatever changes a process for good is done in
a fork of it. A fork lives for milliseconds, and dies with the agent.
"""

import ctypes
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from chaoskit.agent.groups.cgroups import Group
from chaoskit.agent.kind import Refused

_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def aside(work: Callable[[], Any], *, timeout_s: float = 2.0) -> Any:
    """The result of `work` (plain data), done in a fork. Raises what it refused, and OSError.

    Raises Refused when it does not end in time; then it is killed.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _report(work, writing)
    os.close(writing)
    try:
        answer = json.loads(_everything(reading, timeout_s) or "{}")
    except ValueError:
        answer = {}
    finally:
        os.close(reading)
        end([pid])
    if "number" in answer:
        raise OSError(answer["number"], answer["error"])
    if "error" in answer:
        raise Refused(answer["error"])
    if "result" not in answer:
        message = f"a helper process did not come to an end within {timeout_s:g} s"
        raise Refused(message)
    return answer["result"]


def as_owner(uid: int, gid: int, work: Callable[[], Any]) -> Any:
    """The result of `work`, done with that user's identity and our own capabilities.

    The kernel lets a process change the limits of another one when their real ids are the same
    (check_prlimit_permission), and its files in /proc when the file system ids are. Raises Refused,
    OSError.
    """
    if (uid, gid) == (os.getuid(), os.getgid()):
        return work()

    def disguised() -> Any:
        os.setresgid(gid, -1, -1)  # type: ignore[attr-defined,unused-ignore]  # Linux only
        os.setresuid(uid, -1, -1)  # type: ignore[attr-defined,unused-ignore]
        _libc.setfsgid(gid)
        _libc.setfsuid(uid)
        die_with_parent()  # a change of identity has made the kernel forget it
        return work()

    return aside(disguised)


@contextmanager
def burning(groups: Sequence[Group], workers: int) -> Iterator[None]:
    """Processes in these groups that use all the CPU time that nobody else there wants."""
    pids: list[int] = []
    try:
        for _ in range(workers):
            pid = os.fork()
            if pid == 0:
                _burn(groups)
            pids.append(pid)
        yield
    finally:
        end(pids)


def _burn(groups: Sequence[Group]) -> None:
    """Behind everybody else of the group: the instance itself keeps what is left to it."""
    try:
        die_with_parent()
        for group in groups:
            group.join(os.getpid())
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        while True:
            pass
    finally:
        os._exit(1)


def end(pids: Sequence[int]) -> None:
    """Kill forks of ours, and wait for them."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent goes."""
    parent = os.getppid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _report(work: Callable[[], Any], writing: int) -> None:
    """In the fork: do it, write what came of it, and never return."""
    try:
        die_with_parent()
        answer = {"result": work()}
    except OSError as error:
        answer = {"number": error.errno, "error": error.strerror}
    except BaseException as error:  # noqa: BLE001  # nothing may run on in a copy of the agent
        answer = {"error": str(error) or type(error).__name__}
    try:
        os.write(writing, json.dumps(answer).encode())
    finally:
        os._exit(0)


def _everything(reading: int, timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    data = b""
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        more = os.read(reading, 1 << 16)
        if not more:
            break
        data += more
    return data
