"""The mounts of an instance, as /proc tells them, and making one of them read-only.

A mount is changed from inside the instance's own mount namespace, by a child that goes there: the
agent itself never leaves its own.
"""

import ctypes
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaoskit.agent.groups import forked

_CLONE_NEWNS = 0x00020000
_MS_REMOUNT, _MS_BIND, _MS_RDONLY = 0x20, 0x1000, 0x1
_FLAGS = {
    "ro": _MS_RDONLY,
    "nosuid": 0x2,
    "nodev": 0x4,
    "noexec": 0x8,
    "noatime": 0x400,
    "nodiratime": 0x800,
    "relatime": 0x200000,
    "nosymfollow": 0x100,
}
_ESCAPE = re.compile(r"\\([0-7]{3})")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One line of /proc/PID/mountinfo; see proc(5)."""

    device: str  # "254:0", of the file system
    root: str  # the folder of the file system that is mounted
    point: str  # where
    options: tuple[str, ...]  # of this mount: ro, noexec, ...
    kind: str  # of the file system: ext4, tmpfs, overlay
    source: str
    file_system_options: tuple[str, ...]  # "upperdir=/var/lib/..."

    @property
    def upper_folder(self) -> str:
        """Where an overlay keeps what was written, on the host; "" for other file systems."""
        words = (one.partition("=") for one in self.file_system_options)
        return next((value for key, _, value in words if key == "upperdir"), "")


def of(pid: int) -> list[Mount]:
    """The mounts that a process sees, in the order of mounting. Raises OSError when it is gone."""
    text = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    return [parse(line) for line in text.splitlines()]


def parse(line: str) -> Mount:
    """One line of mountinfo."""
    first, _, second = line.partition(" - ")
    _, _, device, root, point, options, *_ = first.split(" ")
    kind, source, file_system_options = second.split(" ")
    return Mount(
        device=device,
        root=_plain(root),
        point=_plain(point),
        options=tuple(options.split(",")),
        kind=kind,
        source=_plain(source),
        file_system_options=tuple(_plain(one) for one in file_system_options.split(",")),
    )


def covering(mounts: Sequence[Mount], path: str) -> Mount:
    """The mount that a path without symbolic links is on: the innermost, the newest of equals."""
    meant = [one for one in mounts if is_below(path, one.point)]
    return max(reversed(meant), key=lambda one: len(one.point))


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or something in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def why_unbounded(pid: int, path: str) -> str:
    """Why what is written there takes everybody's space, the engine's own disk; "" when not."""
    table = of(pid)
    mount = covering(table, path)
    root = covering(table, "/")
    if mount.kind == "tmpfs":
        return ""
    upper = root.upper_folder
    engine = covering(of(1), upper).device if upper else ""
    if mount.kind == "overlay" or not engine or mount.device == engine:
        return f"{path} is on the engine's own disk ({mount.kind})"
    return ""


def set_options(pid: int, point: str, options: Sequence[str]) -> None:
    """Give one mount of a process exactly these options. Raises OSError: EBUSY with writers."""
    flags = _MS_REMOUNT | _MS_BIND
    for one in options:
        flags |= _FLAGS.get(one, 0)
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

    def over_there() -> None:
        entered = _libc.setns(namespace, _CLONE_NEWNS) == 0
        if not entered or _libc.mount(None, os.fsencode(point), None, flags, None) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    try:
        forked.aside(over_there)
    finally:
        os.close(namespace)


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
