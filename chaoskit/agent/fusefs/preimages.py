"""What a file was when it was last synced, kept for as long as it differs from that.

Only what is overwritten is kept, in blocks: an append costs nothing but the old size.
"""

import os
from dataclasses import dataclass, field

BLOCK_BYTES = 4096


@dataclass(kw_only=True, eq=False)
class Preimages:
    """One file with changes that were not synced. Not thread-safe: the store holds its lock."""

    fd: int  # our own, to read and write by; it also keeps the inode from being used again
    durable_size: int
    blocks: dict[int, bytes] = field(default_factory=dict)  # number → contents when last synced
    cuts: int = 0  # how often it was cut or extended since

    @classmethod
    def of(cls, path: str) -> "Preimages":
        """Of a file that is as it was synced. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        return cls(fd=fd, durable_size=os.fstat(fd).st_size)

    @property
    def kept_bytes(self) -> int:
        """How much memory it takes."""
        return len(self.blocks) * BLOCK_BYTES

    @property
    def resized(self) -> bool:
        """Whether the file's size was changed since it was synced."""
        return self.cuts > 0 or os.fstat(self.fd).st_size != self.durable_size

    def before(self, offset: int, length: int) -> int:
        """So much is about to be overwritten or cut off; how many more blocks are kept now."""
        end = min(offset + length, self.durable_size)
        first, after = offset // BLOCK_BYTES, -(-end // BLOCK_BYTES)
        missing = [number for number in range(first, after) if number not in self.blocks]
        for start, count in _runs(missing):
            at = start * BLOCK_BYTES
            data = os.pread(self.fd, min(count * BLOCK_BYTES, self.durable_size - at), at)
            for index in range(count):
                part = data[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]
                self.blocks[start + index] = part
        return len(missing)

    def cut(self, size: int) -> None:
        """A cut to `size` has become durable, whatever was written to the file since."""
        if size >= self.durable_size:
            return
        self.durable_size = size
        self.blocks = {
            number: data[: size - number * BLOCK_BYTES]
            for number, data in self.blocks.items()
            if number * BLOCK_BYTES < size
        }

    def restore(self) -> int:
        """Make the file what it was when it was last synced; how many bytes that takes back."""
        now = os.fstat(self.fd).st_size
        os.ftruncate(self.fd, self.durable_size)
        for number, data in self.blocks.items():
            os.pwrite(self.fd, data, number * BLOCK_BYTES)
        return max(0, now - self.durable_size) + sum(map(len, self.blocks.values()))

    def close(self) -> None:
        """It is as it was synced: nothing needs to be kept."""
        os.close(self.fd)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, how many) of what is consecutive."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and sum(runs[-1]) == number:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 1))
    return runs
