"""Mounting: from /dev/fuse to a folder that everybody sees."""

import ctypes
import os
import stat
from pathlib import Path

_MS_NOSUID, _MS_NODEV = 2, 4
_MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)

TYPE = "fuse.chaoskit"  # as the mount table shows it


def mount(folder: Path, source: str) -> int:
    """Mount a file system on a folder; the descriptor that it is served by. Raises OSError.

    `source` is what the mount table calls it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = (
        f"fd={device},rootmode={stat.S_IFDIR:o},user_id=0,group_id=0,"
        "default_permissions,allow_other"
    )
    done = _libc.mount(
        source.encode(),
        os.fsencode(folder),
        TYPE.encode(),
        _MS_NOSUID | _MS_NODEV,
        options.encode(),
    )
    if done != 0:
        number = ctypes.get_errno()
        os.close(device)
        raise OSError(number, f"mount of {folder}: {os.strerror(number)}")
    return device


def unmount(folder: Path) -> None:
    """Take the mount away, whoever uses it; nothing to do is fine."""
    _libc.umount2(os.fsencode(folder), _MNT_DETACH)
