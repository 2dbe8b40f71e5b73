"""What /proc says about processes and namespaces, and stepping into a network namespace.

A process is named by its pid and its start time, because pids are used again.
"""

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_PF_EXITING = 0x4  # include/linux/sched.h, shown in /proc/PID/stat
_CAPABILITIES = {
    "CHOWN": 0,
    "DAC_OVERRIDE": 1,
    "DAC_READ_SEARCH": 2,
    "FOWNER": 3,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "NET_ADMIN": 12,
    "NET_RAW": 13,
    "SYS_CHROOT": 18,
    "SYS_PTRACE": 19,
    "SYS_ADMIN": 21,
    "SYS_NICE": 23,
    "SYS_RESOURCE": 24,
    "SYS_TIME": 25,
    "MKNOD": 27,
}
_GONE = frozenset("ZX")  # a zombie runs nothing and holds no namespace

_libc = ctypes.CDLL(None, use_errno=True)


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is no such process."""
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return int(fields[19]) if fields and fields[0] not in _GONE else None


def same_process(pid: int, ticks: int | None) -> bool:
    """Whether the process is still the one that was meant. `ticks` None: any process will do."""
    now = start_ticks(pid) if pid > 0 else None
    return now is not None and (ticks is None or now == ticks)


def in_container(pid: int, container: str) -> bool:
    """Whether the process belongs to that container, as its control groups tell."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False


def thread_states(pid: int) -> str:
    """The state letters of all threads that still run; "" when the process is gone."""
    states = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # in a loop that is timed
    except OSError:
        return ""
    for thread in threads:
        fields = _stat(Path(f"/proc/{pid}/task/{thread}/stat"))
        if fields and fields[0] not in _GONE:
            states.append(fields[0])
    return "".join(states)


def is_exiting(pid: int) -> bool:
    """Whether every thread of the process is on its way out of the kernel, or gone.

    Such a thread runs no instruction of its own any more, though its memory may take milliseconds
    to be given back.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # in a loop that is timed
    except OSError:
        return True
    found = (_stat(Path(f"/proc/{pid}/task/{thread}/stat")) for thread in threads)
    return all(
        fields is None or fields[0] in _GONE or int(fields[6]) & _PF_EXITING for fields in found
    )


def _stat(path: Path) -> list[str] | None:
    """The fields of a stat file after the command's name; None when the process is gone."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def namespace(pid: int | str, kind: str) -> int | None:
    """The inode of a process's namespace (`pid`, `net`); None when it cannot be seen."""
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino  # noqa: PTH116  # called for each process
    except OSError:
        return None


def first_of_its_namespace(pid: int) -> bool:
    """Whether the process is number 1 of a pid namespace below ours: it then covers exactly it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    numbers = next((one.split()[1:] for one in status.splitlines() if one[:6] == "NSpid:"), [])
    return len(numbers) > 1 and numbers[-1] == "1"


def members(inode: int, kind: str) -> Iterator[int]:
    """Every process in that namespace, zombies included, in the order of their pids."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    for pid in sorted(pids):
        if namespace(pid, kind) == inode:
            yield pid


def host_network() -> int | None:
    """The host's own network namespace: of its first process, or else of its kernel threads."""
    return namespace(1, "net") or namespace(2, "net")


@contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Work inside the network namespace of a process. Raises OSError when it is gone."""
    ours = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        theirs = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(theirs)
        finally:
            os.close(theirs)
        try:
            yield
        finally:
            _enter(ours)
    finally:
        os.close(ours)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def lacking(*names: str) -> str:
    """The capabilities of these that we do not have, as a sentence; "" when we have all."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    bits = int(effective.split()[1], 16)
    missing = [name for name in names if not bits >> _CAPABILITIES[name] & 1]
    return f"the agent lacks the capability {', '.join(missing)}" if missing else ""


def capabilities() -> list[str]:
    """The capabilities that matter and that we have."""
    return [name for name in _CAPABILITIES if not lacking(name)]


def poll(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Ask quickly at first, then every 0.2 ms, until it holds or the time is up."""
    deadline = time.monotonic() + timeout_s
    asked = 0
    while not condition():
        if time.monotonic() >= deadline:
            return False
        asked += 1
        if asked > 20:  # the kernel usually needs a few microseconds
            time.sleep(0.0002)
    return True
