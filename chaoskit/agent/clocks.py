"""The clock of an instance that was started with our library: is it asked, and what does it say?

The library (chaoskit/target/fittings/clock_image/clock.c) adds to every time of day what a file of
the instance says, eight bytes of nanoseconds that each process has mapped. The file is in a tmpfs of
the container, so each instance has its own, and a restart forgets it.
"""

import ctypes
import mmap
import os
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from chaoskit.agent.groups import forked, inside
from chaoskit.agent.groups.inside import Inhabitant
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.storage import mounts

SHELF = "/opt/chaoskit-clock"  # a volume of ours with the library and a program that tells the time
LIBRARY = f"{SHELF}/libchaoskitclock.so"
TELLER = f"{SHELF}/date"
FOLDER = "/run/chaoskit-clock"  # a tmpfs that everybody may write to, since anybody may be first
CONTROL = f"{FOLDER}/offset"
SIGNED = f"{FOLDER}/tag"  # whose wish the offset is
NOT_FITTED = (
    "the instance was started without our clock; `chaoskit run` sees to that, and for a plain "
    "`chaos run` start the target with `chaoskit up TARGET --for EXPERIMENT`"
)
_GO_WORDS = (
    "the program is written in Go, which asks the kernel for the time and no library: its clock "
    "cannot be skewed this way"
)
_REPLACED = "something in the image replaced LD_PRELOAD, so our clock was not loaded"
_STATIC = "the program is linked statically and loads no library: its clock cannot be skewed"
_SECURE = "the program is set-user-id or has capabilities of its own, and preloads no library"
_OTHER = "the program did not load our clock; is it built on another libc than glibc?"

_CLONE_NEWNS = 0x00020000
_AT_SECURE = 23
_PT_INTERP = 3
_GO = b"\xff Go buildinf:"
_TELLING_S = 5.0
_SIZE = 8  # bytes of the offset

_libc = ctypes.CDLL(None, use_errno=True)


def listeners(params: Params) -> tuple[list[Inhabitant], list[Inhabitant]]:
    """The instance's processes that ask our clock, and those that do not.

    Raises Refused with the reason when nobody does.
    """
    everybody = inside.inhabitants(params)
    asking = [one for one in everybody if _asks(one.pid)]
    if not asking:
        raise Refused(_why_not(params["pid"]))
    return asking, [one for one in everybody if one not in asking]


def _asks(pid: int) -> bool:
    return _has_loaded(pid) and not _is_go(pid)


def _has_loaded(pid: int) -> bool:
    with suppress(OSError):
        return LIBRARY.encode() in Path(f"/proc/{pid}/maps").read_bytes()
    return False


def environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with. Raises OSError when it is gone."""
    words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    pairs = (os.fsdecode(one).partition("=") for one in words if b"=" in one)
    return {key: value for key, _, value in pairs}


def _why_not(pid: int) -> str:
    """Why the main process does not ask our clock."""
    try:
        names = environment(pid)
    except OSError:
        return "the instance is gone"
    preloads = names.get("LD_PRELOAD", "").replace(":", " ").split()
    reasons: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: FOLDER not in [one.point for one in mounts.of(pid)], NOT_FITTED),
        (lambda: _has_loaded(pid), _GO_WORDS),  # it has, and was not counted: see _asks
        (lambda: LIBRARY not in preloads, _REPLACED),
        (lambda: _is_static(pid), _STATIC),
        (lambda: _is_secure(pid), _SECURE),
    )
    return next((words for holds, words in reasons if holds()), _OTHER)


def _program(pid: int) -> mmap.mmap | None:
    with suppress(OSError, ValueError), Path(f"/proc/{pid}/exe").open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return None


def _is_go(pid: int) -> bool:
    """Whether the Go linker made the program: it leaves a mark in every one."""
    program = _program(pid)
    return program is not None and program.find(_GO) >= 0


def _is_static(pid: int) -> bool:
    """Whether the program names no loader."""
    program = _program(pid)
    if program is None or program[:5] != b"\x7fELF\x02":
        return False
    (offset,) = struct.unpack_from("<Q", program, 0x20)
    size, count = struct.unpack_from("<HH", program, 0x36)
    kinds = (struct.unpack_from("<I", program, offset + one * size)[0] for one in range(count))
    return _PT_INTERP not in kinds


def _is_secure(pid: int) -> bool:
    with suppress(OSError):
        data = Path(f"/proc/{pid}/auxv").read_bytes()
        return any(key == _AT_SECURE and value for key, value in struct.iter_unpack("<QQ", data))
    return False


def shift_s(pid: int) -> float:
    """How far the instance's clock is from the true one, in seconds.

    Read by a program in its mount namespace with its environment. Raises Refused, OSError.
    """
    names = {**environment(pid), "LD_PRELOAD": LIBRARY}  # Redis writes its title over its own
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def tell() -> float:
        if _libc.setns(namespace, _CLONE_NEWNS) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        before_s = time.time()
        said = _ask([TELLER, "+%s.%N"], names)
        after_s = time.time()
        return float(said) - (before_s + after_s) / 2

    try:
        return float(forked.aside(tell, timeout_s=_TELLING_S))
    finally:
        os.close(namespace)


def _ask(command: Sequence[str], names: dict[str, str]) -> bytes:
    done = subprocess.run(command, env=names, capture_output=True, check=False)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        message = f"no program in the instance can tell the time: {words}"
        raise Refused(message)
    return done.stdout


def signed_by(pid: int) -> str:
    """The tag of whoever set the instance's clock; "" when nobody has. Raises OSError."""
    with suppress(FileNotFoundError):
        return _in(pid, SIGNED).read_text(encoding="utf-8")
    return ""


def set_offset(pid: int, tag: str, offset_s: float) -> None:
    """Let the clock be off by so much, from one instant to the next. Raises OSError."""
    _in(pid, SIGNED).write_text(tag, encoding="utf-8")
    _store(pid, round(offset_s * 1e9))


def forget_offset(pid: int) -> None:
    """The true time again. The file stays, because the processes have it mapped. Raises OSError."""
    _store(pid, 0)
    _in(pid, SIGNED).unlink(missing_ok=True)


def _store(pid: int, offset_ns: int) -> None:
    """In one store of eight bytes, so that nobody sees half of it."""
    descriptor = os.open(_in(pid, CONTROL), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(descriptor).st_size < _SIZE:
            os.ftruncate(descriptor, _SIZE)
        with mmap.mmap(descriptor, _SIZE) as control:
            cell = ctypes.c_int64.from_buffer(control)
            cell.value = offset_ns
            del cell
    finally:
        os.close(descriptor)


def _in(pid: int, path: str) -> Path:
    return Path(f"/proc/{pid}/root{path}")
