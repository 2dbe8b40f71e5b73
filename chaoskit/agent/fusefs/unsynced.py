"""A store that can lose what was not synced, as a power cut may.

What it keeps is what a journaling file system with ordered data (ext4) promises to keep:

- a file's data and size are durable when its fsync or fdatasync was answered, and not before;
- names, owners, modes and cuts form one sequence. An fsync of a folder, or of a file that was
  changed, makes all of them durable that came before it; an fdatasync only when the file is new or
  has another size;
- nothing becomes durable with time: this is the cut that comes before the kernel would have
  written anything by itself. Only when more than `limit_bytes` of old contents are kept, the file
  with the most of them counts as written back.

So a name may be durable before the data of its file: the file is then shorter or empty, as on a
file system without ext4's `auto_da_alloc`. Times (atime, mtime) are not taken back.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaoskit.agent.fusefs import steps
from chaoskit.agent.fusefs.attic import Attic
from chaoskit.agent.fusefs.nodes import HIDDEN, Node
from chaoskit.agent.fusefs.preimages import Preimages
from chaoskit.agent.fusefs.steps import Step
from chaoskit.agent.fusefs.store import RENAME_EXCHANGE, Store

LIMIT_BYTES = 256 << 20
_MOVING = 0x08 | 0x20  # fallocate: collapse or insert a range, which moves all that follows


@dataclass(frozen=True, kw_only=True)
class Lost:
    """What a power cut took."""

    files: int  # whose data was not synced
    data_bytes: int
    steps: int  # changes of names and attributes
    failed: tuple[str, ...]  # what could not be taken back


class UnsyncedStore(Store):
    """Straight to the volume, but whatever was not synced can be taken back."""

    entry_valid_s = 0.0  # after a cut, nothing that the kernel believed may be believed

    def __init__(self, root: str, *, limit_bytes: int = LIMIT_BYTES) -> None:
        """`root` is the volume's folder; removed files are kept below it, out of sight."""
        self._limit_bytes = limit_bytes
        self._files: dict[int, Preimages] = {}  # by inode
        self._steps: list[Step] = []
        self._new: set[int] = set()  # inodes whose creation is not durable
        self._touched: set[int] = set()  # inodes that some step is about
        self._attic = Attic(Path(root) / os.fsdecode(HIDDEN) / "attic")
        self._off = False
        self._lock = threading.RLock()

    # Power.

    def cut_power(self) -> None:
        """From now on every change fails, until `power_on`."""
        with self._lock:
            self._off = True

    def power_on(self) -> None:
        """Go on with what is there."""
        with self._lock:
            self._off = False

    def lose(self) -> Lost:
        """Take back everything that was not synced, the newest first."""
        with self._lock:
            failed: list[str] = []
            files, done = self._files, self._steps
            data_bytes = 0
            for one in files.values():
                data_bytes += _attempt(one.restore, failed) or 0
                one.close()
            for step in reversed(done):
                _attempt(step.undo, failed)
            self._files, self._steps = {}, []
            for marks in (self._new, self._touched):
                marks.clear()
            self._attic.forget()
        return Lost(files=len(files), data_bytes=data_bytes, steps=len(done), failed=tuple(failed))

    @contextmanager
    def _powered(self) -> Iterator[None]:
        """One change at a time, and none without power."""
        with self._lock:
            if self._off:
                raise OSError(errno.EIO, "the power is cut")
            yield

    # Data.

    def write(self, node: Node, fd: int, data: memoryview, offset: int) -> int:
        """See Store."""
        with self._powered():
            self._keep_old(node, offset, len(data))
            return super().write(node, fd, data, offset)

    def truncate(self, node: Node, size: int) -> None:
        """See Store. The cut itself is one of the sequence of changes."""
        with self._powered():
            kept = self._keep_old(node, size, 1 << 62)
            super().truncate(node, size)
            kept.cuts += 1
            inode = node.inode
            self._did(node, Step(undo=steps.nothing, keep=lambda: self._keep_cut(inode, size)))

    def _keep_cut(self, inode: int, size: int) -> None:
        if inode in self._files:
            self._files[inode].cut(size)

    def allocate(self, node: Node, fd: int, mode: int, span: tuple[int, int]) -> None:
        """See Store."""
        with self._powered():
            self._keep_old(node, span[0], 1 << 62 if mode & _MOVING else span[1])
            super().allocate(node, fd, mode, span)

    def sync(self, node: Node, fd: int, *, data_only: bool) -> None:
        """See Store. What others write to the file meanwhile counts as synced too."""
        super().sync(node, fd, data_only=data_only)
        with self._powered():
            if self._syncs_names(node.inode, data_only=data_only):
                self._keep_steps()
            self._release(node.inode)

    def _syncs_names(self, inode: int, *, data_only: bool) -> bool:
        kept = self._files.get(inode)
        if data_only:
            return inode in self._new or (kept is not None and kept.resized)
        return inode in self._touched or kept is not None

    def _keep_old(self, node: Node, offset: int, length: int) -> Preimages:
        """Remember what is about to be overwritten or cut off."""
        kept = self._files.get(node.inode)
        if kept is None:
            kept = self._files[node.inode] = Preimages.of(node.path)
        if kept.before(offset, length):
            while sum(one.kept_bytes for one in self._files.values()) > self._limit_bytes:
                largest = max(self._files, key=lambda one: self._files[one].kept_bytes)
                if largest == node.inode:
                    self._write_back(kept)
                else:
                    self._release(largest)
        return kept

    def _write_back(self, kept: Preimages) -> None:
        kept.blocks.clear()
        kept.durable_size = min(kept.durable_size, os.fstat(kept.fd).st_size)

    def _release(self, inode: int) -> None:
        kept = self._files.pop(inode, None)
        if kept is not None:
            kept.close()

    # Names and attributes.

    def sync_folder(self, fd: int) -> None:
        """See Store."""
        super().sync_folder(fd)
        with self._powered():
            self._keep_steps()

    def _keep_steps(self) -> None:
        durable, self._steps = self._steps, []
        self._new.clear()
        self._touched.clear()
        for step in durable:
            step.keep()

    def _did(self, node: Node | None, step: Step) -> None:
        self._steps.append(step)
        if node is not None:
            self._touched.add(node.inode)

    def make(
        self, parent: Node, name: bytes, owner: tuple[int, int], create: Callable[[], int | None]
    ) -> int | None:
        """See Store."""
        with self._powered():
            made = super().make(parent, name, owner, create)
            found = steps.look(parent, name)
            if found is not None:
                self._new.add(found.st_ino)
                self._touched.add(found.st_ino)
                self._did(parent, steps.made(parent, name))
            return made

    def link(self, node: Node, parent: Node, name: bytes) -> None:
        """See Store."""
        with self._powered():
            super().link(node, parent, name)
            self._touched.add(node.inode)
            self._did(parent, steps.made(parent, name))

    def unlink(self, parent: Node, name: bytes) -> None:
        """See Store. The file stays in the attic for as long as it may have to come back."""
        with self._powered():
            kept = self._attic.keep(parent, name)
            try:
                super().unlink(parent, name)
            except OSError:
                self._drop(kept)
                raise
            step = steps.holding(
                parent,
                lambda folder: os.rename(kept, name, dst_dir_fd=folder),
                lambda: self._drop(kept),
            )
            self._did(parent, step)

    def remove_folder(self, parent: Node, name: bytes) -> None:
        """See Store. It stays in the attic: what was done in it before must be undone in itself."""
        with self._powered():
            folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent.fd)
            try:
                if os.listdir(folder):  # noqa: PTH208  # of a descriptor
                    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
            finally:
                os.close(folder)
            kept = self._attic.place()
            os.rename(name, kept, src_dir_fd=parent.fd)
            back = steps.holding(
                parent, lambda here: os.rename(kept, name, dst_dir_fd=here), kept.rmdir
            )
            self._did(parent, back)

    def rename(self, old: tuple[Node, bytes], new: tuple[Node, bytes], flags: int) -> None:
        """See Store. What had the new name before can come back too."""
        with self._powered():
            source, target = steps.look(*old), steps.look(*new)
            if not flags and source and target and source.st_ino == target.st_ino:
                super().rename(old, new, flags)  # two names of one file: nothing happens
                return
            replaced = target if target is not None and not flags else None
            is_folder = replaced is not None and stat.S_ISDIR(replaced.st_mode)
            kept = self._attic.keep(*new) if replaced and not is_folder else None
            try:
                super().rename(old, new, flags)
            except OSError:
                if kept is not None:
                    self._drop(kept)
                raise
            folder = replaced if is_folder else None
            replaced_by = steps.Replaced(file=kept, folder=folder, drop=self._drop)
            self._did(new[0], steps.renamed(old, new, flags & RENAME_EXCHANGE, replaced_by))
            if source is not None:
                self._touched.add(source.st_ino)

    def change_mode(self, node: Node, mode: int) -> None:
        """See Store."""
        with self._powered():
            before = node.stat()
            super().change_mode(node, mode)
            self._did(node, steps.owned(node, before))

    def change_owner(self, node: Node, user: int, group: int) -> None:
        """See Store."""
        with self._powered():
            before = node.stat()
            super().change_owner(node, user, group)
            self._did(node, steps.owned(node, before))

    def set_attribute(self, node: Node, name: bytes, value: bytes, flags: int) -> None:
        """See Store."""
        with self._powered():
            step = steps.attribute(node, name)
            super().set_attribute(node, name, value, flags)
            self._did(node, step)

    def remove_attribute(self, node: Node, name: bytes) -> None:
        """See Store."""
        with self._powered():
            step = steps.attribute(node, name)
            super().remove_attribute(node, name)
            self._did(node, step)

    # The attic.

    def links(self, found: os.stat_result) -> int:
        """See Store. The names in the attic are not the service's."""
        return found.st_nlink - self._attic.names_of(found.st_ino)

    def _drop(self, kept: Path) -> None:
        """The name is lost for good."""
        inode = self._attic.drop(kept)
        file = self._files.get(inode)
        if file is not None and os.fstat(file.fd).st_nlink == 0:
            self._release(inode)  # nobody will ever read it after a cut


def _attempt(work: Callable[[], int | None], failed: list[str]) -> int | None:
    try:
        return work()
    except OSError as error:
        failed.append(str(error))
        return None
