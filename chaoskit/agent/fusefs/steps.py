"""Changes of names and attributes that are not durable yet, and how each is taken back.

A step owns the descriptors that it needs, because the kernel may have forgotten the folder by then.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaoskit.agent.fusefs.nodes import Node
from chaoskit.agent.fusefs.store import rename_at


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change. Exactly one of `undo` and `keep` is called, once."""

    undo: Callable[[], None]
    keep: Callable[[], None]  # it has become durable


def nothing() -> None:
    """Nothing is to be done."""


def holding(node: Node, undo: Callable[[int], None], keep: Callable[[], None] = nothing) -> Step:
    """A step whose undo needs a descriptor of one node."""
    fd = os.dup(node.fd)
    return Step(undo=lambda: _and_close(fd, lambda: undo(fd)), keep=lambda: _and_close(fd, keep))


def _and_close(fd: int, work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        os.close(fd)


def made(parent: Node, name: bytes) -> Step:
    """A name was created: it is removed again."""
    found = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
    remove = os.rmdir if stat.S_ISDIR(found.st_mode) else os.unlink
    return holding(parent, lambda folder: remove(name, dir_fd=folder))


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """What had a name before something else was renamed to it: at most one of the two."""

    file: Path | None  # where it is kept
    folder: os.stat_result | None  # it was empty
    drop: Callable[[Path], None]  # the file that is kept is not needed any more


def renamed(
    old: tuple[Node, bytes], new: tuple[Node, bytes], flags: int, replaced: Replaced
) -> Step:
    """A name was changed: it gets the old one again, and what was there before comes back."""
    back = os.dup(old[0].fd)
    kept, folder = replaced.file, replaced.folder

    def undo(here: int) -> None:
        rename_at(here, new[1], back, old[1], flags)
        os.close(back)
        if kept is not None:
            os.rename(kept, new[1], dst_dir_fd=here)
        if folder is not None:
            _make_folder(here, new[1], folder)

    def keep() -> None:
        os.close(back)
        if kept is not None:
            replaced.drop(kept)

    return holding(new[0], undo, keep)


def _make_folder(folder: int, name: bytes, like: os.stat_result) -> None:
    """An empty folder with the owner and mode of one that was there before."""
    os.mkdir(name, dir_fd=folder)
    os.chown(name, like.st_uid, like.st_gid, dir_fd=folder)
    os.chmod(name, stat.S_IMODE(like.st_mode), dir_fd=folder)


def owned(node: Node, before: os.stat_result) -> Step:
    """Owner or mode were changed. A change of owner takes the set-user-id bit away: both go back."""

    def undo(fd: int) -> None:
        path = f"/proc/self/fd/{fd}"
        os.chown(path, before.st_uid, before.st_gid)
        if not stat.S_ISLNK(before.st_mode):
            os.chmod(path, stat.S_IMODE(before.st_mode))  # noqa: PTH101

    return holding(node, undo)


def attribute(node: Node, name: bytes) -> Step:
    """An extended attribute is about to be changed: it is put back, or removed."""
    before: bytes | None = None
    with contextlib.suppress(OSError):
        before = os.getxattr(node.path, name)

    def undo(fd: int) -> None:
        path = f"/proc/self/fd/{fd}"
        if before is not None:
            os.setxattr(path, name, before)
            return
        os.removexattr(path, name)

    return holding(node, undo)


def look(parent: Node, name: bytes) -> os.stat_result | None:
    """What a name is now, or None."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
    return None
