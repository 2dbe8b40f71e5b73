"""Fault `truncate_file`: the end of a file is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_path, wrong_share, wrong_size
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_share, parse_size


@dataclass(frozen=True, kw_only=True)
class TruncateFile(HeldFault):
    """Cut off the end of files in an instance, as a crash in the middle of a write does.

    What: of each file only `size` bytes are left, or a `share` of it. It is cut in place, so that
    processes that have it open see a shorter file.

    Mechanism: ftruncate from outside, below /proc/PID/root. Before, what will be cut off is kept
    beside each file, in `.chaoskit-...`. The new length is read back.

    Undo: the end is put back, with the file's times, where the file still ends as we left it; what
    the system has written or replaced meanwhile is left alone and named. This also works after the
    instance was restarted or replaced, while its volume lives. With `keep: true` nothing is kept
    and nothing undone: only the system heals it.

    Limits: at most 50 files, and 64 MiB cut from each unless `keep: true`. A program that lists its
    folder sees the file that is kept there.
    """

    name = "truncate_file"
    family = "data"
    needs = ("file",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "path": "/data/log", "share": "50%"}

    path: str  # of the files in the instance; * ? [ ] match within one part of it
    size: str | None = None  # that is left of each: 4KiB; absent: nothing, or the share
    share: str | None = None  # that is left of each: 50%
    keep: bool = False  # whether nothing is restored: only the system heals it

    def problems(self) -> tuple[str, ...]:
        """What is left must be given once, and be possible."""
        found = [*super().problems(), *wrong_path("path", self.path)]
        if self.size is not None:
            found += wrong_size("size", self.size)
        if self.share is not None:
            found += wrong_share("share", self.share)
        if self.size is not None and self.share is not None:
            found.append("share: it is given together with size; give one of them")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """The files of each instance."""
        size = -1 if self.share is not None else parse_size(self.size or "0B")
        share = parse_share(self.share) if self.share is not None else 0.0
        params = {
            "action": "truncate",
            "path": self.path,
            "size": size,
            "share": share,
            "keep": self.keep,
        }
        left = f"{size} bytes" if size >= 0 else f"{share:.3g}"
        mechanism = f"{self.path} cut to {left} in place"
        return tuple(
            Operation(
                doer=Doer.AGENT, kind="file", instance=one, params=params, mechanism=mechanism
            )
            for one in picked
        )


inject = action(TruncateFile)
