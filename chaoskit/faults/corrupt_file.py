"""Fault `corrupt_file`: some bytes of a file are not what was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_path, wrong_share
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_share

MOST_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class CorruptFile(HeldFault):
    """Flip bytes of files in an instance, as a bad disk or a bad cable does.

    What: `bytes` bytes of each file, or a `share` of it, become others: anywhere (by the seed), or
    in one run from `offset` on. The files are changed in place, so that processes that have them
    open read the change.

    Mechanism: done from outside, below /proc/PID/root. Before it is changed, what will be
    overwritten is kept beside each file, in `.chaoskit-...`. Every byte is read back.

    Undo: each byte that is still as we left it is restored, with the file's times; what the system
    has healed meanwhile, by other bytes or another file, is left alone and named. This also works
    after the instance was restarted or replaced, while its volume lives. With `keep: true` nothing
    is kept and nothing undone: only the system heals it.

    Limits: at most 50 files, 65536 bytes of each. What a process holds in its own memory is not
    changed. A program that lists its folder sees the file that is kept there.
    """

    name = "corrupt_file"
    family = "data"
    needs = ("file",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "path": "/data/*.db", "bytes": 16}

    path: str  # of the files in the instance; * ? [ ] match within one part of it
    bytes: int | None = None  # how many are flipped in each file; absent: 1, or the share
    share: str | None = None  # of each file's bytes: 1%
    offset: int | None = None  # where the run of flipped bytes begins; absent: anywhere
    keep: bool = False  # whether nothing is restored: only the system heals it

    def problems(self) -> tuple[str, ...]:
        """Amount and place must be possible."""
        found = [*super().problems(), *wrong_path("path", self.path)]
        if self.bytes is not None and self.share is not None:
            found.append("share: it is given together with bytes; give one of them")
        count: Any = self.bytes
        if count is not None and not (isinstance(count, int) and 0 < count <= MOST_BYTES):
            found.append(f"bytes: {self.bytes!r} is not possible; choose from 1 to {MOST_BYTES}")
        if self.share is not None:
            found += wrong_share("share", self.share)
        offset: Any = self.offset
        if offset is not None and not (isinstance(offset, int) and offset >= 0):
            found.append(f"offset: {self.offset!r} is not possible; choose 0 or more")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """The files of each instance."""
        count = 0 if self.share is not None else self.bytes or 1
        share = parse_share(self.share) if self.share is not None else 0.0
        params = {
            "action": "corrupt",
            "path": self.path,
            "count": count,
            "share": share,
            "offset": self.offset,
            "seed": self.seed,
            "keep": self.keep,
        }
        amount = f"{count} bytes" if count else f"{share:.3g} of the bytes"
        mechanism = f"{amount} of {self.path} flipped in place"
        return tuple(
            Operation(
                doer=Doer.AGENT, kind="file", instance=one, params=params, mechanism=mechanism
            )
            for one in picked
        )


inject = action(CorruptFile)
