"""Where files stay that were removed, for as long as a power cut may bring them back."""

import os
from collections import Counter
from pathlib import Path

from chaoskit.agent.fusefs.nodes import Node


class Attic:
    """A folder of the volume, out of the service's sight. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """It is made, where it is not there yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._names: Counter[int] = Counter()  # inode → names here
        self._number = 0

    def place(self) -> Path:
        """A name that nothing has."""
        self._number += 1
        return self._folder / str(self._number)

    def keep(self, parent: Node, name: bytes) -> Path:
        """One more name for a file that is about to lose one."""
        kept = self.place()
        os.link(name, kept, src_dir_fd=parent.fd, follow_symlinks=False)
        self._names[kept.lstat().st_ino] += 1
        return kept

    def names_of(self, inode: int) -> int:
        """How many of a file's names are here."""
        return self._names[inode]

    def drop(self, kept: Path) -> int:
        """The name is lost for good; whose inode it was."""
        inode = kept.lstat().st_ino
        kept.unlink()
        self._names[inode] -= 1
        if self._names[inode] <= 0:
            del self._names[inode]
        return inode

    def forget(self) -> None:
        """Everything has gone back to where it was."""
        self._names.clear()
