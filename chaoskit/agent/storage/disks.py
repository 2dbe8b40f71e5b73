"""The disks of ours that instances have: finding them, asking them, and measuring on them.

A disk is a FUSE mount (`chaoskit.agent.fusefs`) that the target was started with. It is known by the
token in the mount table; whoever serves that token is asked through a socket in its container.
"""

import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.instances import container_of
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.storage import mounts

TYPE = "fuse.chaoskit"
SHELF = "_chaoskit-shelf-"  # in the path of the volume that a disk is served from
_SOURCE = "chaoskit:"
_PROGRAM = b"chaoskit.agent.fusefs"
_PATIENCE_S = 5.0
_PROBE_BYTES = 4096

NOT_FITTED = (
    "it must be there from the start: `chaoskit run` sees to that, and for a plain `chaos run` "
    "start the target with `chaoskit up TARGET --for EXPERIMENT`"
)


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk of ours and the process that serves it."""

    token: str
    server: int  # its pid
    mountpoint: str  # in the server's own view
    socket: str

    @property
    def root(self) -> Path:
        """The mount, as we can reach it."""
        return Path(f"/proc/{self.server}/root{self.mountpoint}")

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """One order, one answer. Raises Refused when it is refused or nobody answers."""
        with self.talk() as ask:
            return ask(do, **fields)

    @contextmanager
    def talk(self) -> Iterator[Callable[..., dict[str, Any]]]:
        """A conversation of several orders. Raises Refused."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(_PATIENCE_S)
                line.connect(f"/proc/{self.server}/root{self.socket}")
                with line.makefile("rw", encoding="utf-8") as lines:
                    yield lambda do, **fields: _exchange(lines, {"do": do, **fields})
        except OSError as error:
            message = f"the disk's server does not answer: {error.strerror or error}"
            raise Refused(message) from error


def _exchange(lines: Any, order: Mapping[str, Any]) -> dict[str, Any]:
    lines.write(json.dumps(order) + "\n")
    lines.flush()
    line = lines.readline()
    answer: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}
    if not answer.get("ok"):
        message = f"the disk's server: {answer.get('error', 'it has gone')}"
        raise Refused(message)
    return answer


def look(params: Params) -> Disk:
    """The disk that an instance has at `path`. Raises Refused with what to do when it has none."""
    pid, path = params["pid"], os.path.normpath(params["path"])
    try:
        seen = [one for one in mounts.of(pid) if one.point == path]
    except OSError as error:
        message = "the instance is gone"
        raise Refused(message) from error
    if not seen or seen[-1].kind != TYPE:
        message = f"the instance has no disk of ours at {path}; {NOT_FITTED}"
        raise Refused(message)
    token = seen[-1].source.removeprefix(_SOURCE)
    disk = serving(token)
    if disk is None:
        message = f"the disk of ours at {path} is dead: the process that served it is gone"
        raise Refused(message)
    others = () if params.get("shared") else _others_with(token, params)
    if others:
        message = (
            f"the disk at {path} is shared with container {', '.join(others)}: the fault would "
            "reach that one too; say `shared: true` if it is meant to"
        )
        raise Refused(message)
    return disk


def serving(token: str) -> Disk | None:
    """The disk of a token, when somebody serves it."""
    for pid in _pids():
        words = _words(pid)
        if _PROGRAM in words and token.encode() in words:
            at = words.index(_PROGRAM)
            _, mountpoint, path = (os.fsdecode(one) for one in words[at + 1 : at + 4])
            return Disk(token=token, server=pid, mountpoint=mountpoint, socket=path)
    return None


def _others_with(token: str, params: Params) -> tuple[str, ...]:
    """The short ids of other containers that have the disk; its server is none of them.

    A container that is just being made, or that looks at the host's files, sees the disk below the
    shelf that it is served from: that one does not use it.
    """
    found, seen = set(), set()
    for pid in _pids():
        space = processes.namespace(pid, "mnt")
        if space is None or space in seen:
            continue
        container = container_of(pid)
        if container in {"", params.get("container")} or _PROGRAM in _words(pid):
            continue
        seen.add(space)
        with suppress(OSError):
            if any(
                one.source == _SOURCE + token and SHELF not in one.point for one in mounts.of(pid)
            ):
                found.add(container[:12])
    return tuple(sorted(found))


def _pids() -> Iterator[int]:
    names = os.listdir("/proc")  # noqa: PTH208  # in one go
    yield from sorted(int(name) for name in names if name.isdigit())


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One operation that was tried on a disk."""

    seconds: float
    errno: int  # 0: it went well


class Probe:
    """Tries operations on a file of ours on the disk; the descriptors are opened beforehand.

    Direct, so that the kernel's cache is asked for nothing. A server that hangs would hang us too:
    to be used in a fork only.
    """

    def __init__(self, path: Path) -> None:
        """Open the probe. Raises OSError."""
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
        self._page = bytearray(_PROBE_BYTES)
        self._tries: Mapping[str, Callable[[], object]] = {
            "read": lambda: os.preadv(self._fd, [self._page], 0),
            "write": lambda: os.pwrite(self._fd, self._page, 0),
            "fsync": lambda: os.fdatasync(self._fd),
            "open": lambda: os.close(os.open(path, os.O_RDONLY)),
            "change": lambda: os.fchmod(self._fd, 0o600),
        }

    def attempt(self, what: str) -> Tried:
        """One operation of a class."""
        return _timed(self._tries[what])

    def write(self, block: int, words: bytes, *, sync: bool) -> None:
        """Fill one block with words, and sync it or not. Raises OSError."""
        page = words.ljust(_PROBE_BYTES, b"\0")
        os.pwrite(self._fd, page, block * _PROBE_BYTES)
        if sync:
            os.fdatasync(self._fd)

    def read(self, block: int) -> bytes:
        """What a block begins with. Raises OSError."""
        os.preadv(self._fd, [self._page], block * _PROBE_BYTES)
        return bytes(self._page).rstrip(b"\0")


def attempt(probes: Sequence[Probe], what: str, count: int) -> list[Tried]:
    """So many operations of one class, one at a time on each probe.

    The kernel lets one sync, write or change of a file wait for the other: a delay that is met by
    several at once is measured on several files.
    """
    idle: SimpleQueue[Probe] = SimpleQueue()
    for one in probes:
        idle.put(one)

    def once(_: int) -> Tried:
        probe = idle.get()
        try:
            return probe.attempt(what)
        finally:
            idle.put(probe)

    with ThreadPoolExecutor(len(probes)) as pool:
        return list(pool.map(once, range(count)))


def _timed(work: Callable[[], object]) -> Tried:
    begun = time.perf_counter()
    number = 0
    try:
        work()
    except OSError as error:
        number = error.errno or errno.EIO
    return Tried(seconds=time.perf_counter() - begun, errno=number)


def median(values: Sequence[float]) -> float:
    """The middle one; 0 of none."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
