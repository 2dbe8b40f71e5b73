"""The files and folders that the kernel knows by number, and those that it has open.

A node is held by a descriptor of its inode, not by a path, so that renames and hard links are right
without our doing anything about them.
"""

import os
import stat
import threading
from dataclasses import dataclass, field

ROOT = 1  # the kernel's number of the mount's own root
HIDDEN = b".chaoskit"  # a folder in the volume's root that the service does not see


@dataclass(kw_only=True, eq=False)
class Node:
    """One inode that the kernel remembers."""

    number: int
    fd: int  # O_PATH
    device: int
    inode: int
    lookups: int = 0  # that the kernel will give back with FORGET

    @property
    def path(self) -> str:
        """A path of the inode itself, whatever it is called now."""
        return f"/proc/self/fd/{self.fd}"

    def stat(self) -> os.stat_result:
        """Its attributes."""
        return os.stat(self.fd)  # noqa: PTH116  # of a descriptor

    def open(self, flags: int) -> int:
        """A descriptor to read and write by. Raises OSError."""
        return os.open(self.path, flags)  # flags as the kernel gave them


@dataclass(kw_only=True, eq=False)
class Handle:
    """A file or folder that somebody has open."""

    fd: int
    entries: tuple[tuple[int, bytes, int], ...] = ()  # inode, name, type: a folder's listing


@dataclass(eq=False)
class Nodes:
    """The table of them. Its methods may be called from any thread."""

    root: str
    _by_number: dict[int, Node] = field(default_factory=dict, init=False)
    _by_inode: dict[tuple[int, int], Node] = field(default_factory=dict, init=False)
    _handles: dict[int, Handle] = field(default_factory=dict, init=False)
    _next: int = field(default=ROOT, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        """The root is never forgotten."""
        self._remember(os.open(self.root, os.O_PATH | os.O_DIRECTORY))

    def get(self, number: int) -> Node:
        """The node of a number. Raises KeyError for one that the kernel must not use any more."""
        return self._by_number[number]

    def look_up(self, parent: Node, name: bytes) -> Node:
        """The node of a name, counted as known to the kernel. Raises OSError."""
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent.fd)
        return self._remember(fd)

    def _remember(self, fd: int) -> Node:
        found = os.stat(fd)
        key = (found.st_dev, found.st_ino)
        with self._lock:
            node = self._by_inode.get(key)
            if node is None:
                node = Node(number=self._next, fd=fd, device=key[0], inode=key[1])
                self._next += 1
                self._by_number[node.number] = self._by_inode[key] = node
            else:
                os.close(fd)
            node.lookups += 1
        return node

    def forget(self, number: int, count: int) -> None:
        """The kernel gives back so many lookups; at none, the node goes."""
        with self._lock:
            node = self._by_number.get(number)
            if node is None or number == ROOT:
                return
            node.lookups -= count
            if node.lookups > 0:
                return
            del self._by_number[number]
            del self._by_inode[node.device, node.inode]
            os.close(node.fd)

    def everything(self) -> tuple[Node, ...]:
        """Every node there is now."""
        with self._lock:
            return tuple(self._by_number.values())

    def opened(self, fd: int) -> int:
        """Keep an open descriptor; its number for the kernel."""
        with self._lock:
            self._handles[fd] = Handle(fd=fd)
        return fd

    def handle(self, number: int) -> Handle:
        """What was opened under that number."""
        return self._handles[number]

    def close(self, number: int) -> None:
        """Nobody has it open any more."""
        with self._lock:
            handle = self._handles.pop(number, None)
        if handle is not None:
            os.close(handle.fd)

    def list_folder(self, handle: Handle, node: Node) -> None:
        """Read a folder's entries once, so that offsets into them stay good while it changes."""
        names = [(node.inode, b".", stat.S_IFDIR >> 12), (node.inode, b"..", stat.S_IFDIR >> 12)]
        with os.scandir(handle.fd) as found:
            for one in found:
                name = os.fsencode(one.name)
                if node.number != ROOT or name != HIDDEN:
                    names.append((one.inode(), name, _type(one)))
        handle.entries = tuple(names)


def _type(entry: "os.DirEntry[str]") -> int:
    """The file type as readdir gives it: from the entry, which costs no system call."""
    if entry.is_symlink():
        return stat.S_IFLNK >> 12
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR >> 12
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG >> 12
    return 0
