"""What changes the volume: every change goes through here, and straight to the volume.

`chaoskit.agent.fusefs.unsynced` has the other store, which remembers what was not synced.
"""

import ctypes
import os
import stat
from collections.abc import Callable

from chaoskit.agent.fusefs.nodes import Node

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)
_Off = ctypes.c_int64


class Store:
    """A volume whose changes are at once as durable as the engine host makes them."""

    entry_valid_s = 1.0  # how long the kernel may believe a name without asking again

    def links(self, found: os.stat_result) -> int:
        """How many names the service sees of a file."""
        return found.st_nlink

    def write(self, node: Node, fd: int, data: memoryview, offset: int) -> int:  # noqa: ARG002
        """Write; how much was written."""
        return os.pwrite(fd, data, offset)

    def truncate(self, node: Node, size: int) -> None:
        """Cut or extend a file."""
        os.truncate(node.path, size)

    def allocate(self, node: Node, fd: int, mode: int, span: tuple[int, int]) -> None:  # noqa: ARG002
        """Reserve or punch `span` (offset, length) as fallocate does."""
        offset, length = span
        if _libc.fallocate(fd, mode, _Off(offset), _Off(length)) != 0:
            _fail()

    def sync(self, node: Node, fd: int, *, data_only: bool) -> None:  # noqa: ARG002
        """Make a file durable."""
        if data_only:
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    def sync_folder(self, fd: int) -> None:
        """Make a folder's names durable."""
        os.fsync(fd)

    def make(
        self, parent: Node, name: bytes, owner: tuple[int, int], create: Callable[[], int | None]
    ) -> int | None:
        """Create a name by `create()`, for its owner (user, group); what `create` returned."""
        made = create()
        folder = parent.stat()
        group = folder.st_gid if folder.st_mode & stat.S_ISGID else owner[1]
        os.chown(name, owner[0], group, dir_fd=parent.fd, follow_symlinks=False)
        return made

    def link(self, node: Node, parent: Node, name: bytes) -> None:
        """One more name for a file."""
        os.link(node.path, name, dst_dir_fd=parent.fd, follow_symlinks=True)

    def unlink(self, parent: Node, name: bytes) -> None:
        """Remove a file's name."""
        os.unlink(name, dir_fd=parent.fd)

    def remove_folder(self, parent: Node, name: bytes) -> None:
        """Remove an empty folder."""
        os.rmdir(name, dir_fd=parent.fd)

    def rename(self, old: tuple[Node, bytes], new: tuple[Node, bytes], flags: int) -> None:
        """Give a file another name, in one step."""
        rename_at(old[0].fd, old[1], new[0].fd, new[1], flags)

    def change_mode(self, node: Node, mode: int) -> None:
        """As chmod."""
        os.chmod(node.path, mode)  # noqa: PTH101

    def change_owner(self, node: Node, user: int, group: int) -> None:
        """As chown; -1 leaves as it is."""
        os.chown(node.path, user, group)

    def set_attribute(self, node: Node, name: bytes, value: bytes, flags: int) -> None:
        """As setxattr."""
        os.setxattr(node.path, name, value, flags)

    def remove_attribute(self, node: Node, name: bytes) -> None:
        """As removexattr."""
        os.removexattr(node.path, name)


def rename_at(old_fd: int, old: bytes, new_fd: int, new: bytes, flags: int = 0) -> None:
    """As renameat2. Raises OSError."""
    if _libc.renameat2(old_fd, old, new_fd, new, flags) != 0:
        _fail()


def _fail() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
