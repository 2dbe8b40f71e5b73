"""What the faults on a disk of ours have in common: which disk, which operations, which files."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chaoskit.faults.base import HeldFault, Site
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.fittings import Fitting, FittingKind
from chaoskit.model.quantities import parse_share

OPERATIONS = ("read", "write", "fsync", "open", "change")


@dataclass(frozen=True, kw_only=True)
class DiskFault(HeldFault):
    """Something is wrong with a disk for as long as the fault is held."""

    path: str  # where the service has its volume: /data
    operations_hit: str | list[str] = field(  # read, write, fsync, open, change, or all
        default="all", metadata={"argument": "operations"}
    )
    share: str = "100%"  # of these operations, each by chance
    files: str = "*"  # a pattern of paths below `path`: wal/*, *.log
    shared: bool = False  # do it although other containers have the disk too

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of operations that are meant, `all` spelt out."""
        named = self.operations_hit
        names = [named] if isinstance(named, str) else list(named)
        return OPERATIONS if "all" in names else tuple(one for one in OPERATIONS if one in names)

    def fittings(self) -> tuple[Fitting, ...]:
        """The disk, which must be under the service from the start."""
        return (Fitting(kind=FittingKind.DISK, service=self.service, path=self.path),)

    def problems(self) -> tuple[str, ...]:
        """A path, known operations, and a share of more than nothing."""
        found = [*super().problems(), *wrong_volume(self.path)]
        named: Any = self.operations_hit
        names = [named] if isinstance(named, str) else named
        if not names or not all(one in {*OPERATIONS, "all"} for one in names):
            choices = ", ".join((*OPERATIONS, "all"))
            found.append(f"operations: {named!r}; choose from {choices}")
        try:
            if parse_share(self.share) <= 0:
                found.append("share: nothing would be hit; choose a share above 0%")
        except ValueError as error:
            found.append(f"share: {error}")
        if not self.files or self.files.startswith("/"):
            found.append(
                f"files: {self.files!r}; write a pattern of paths below `path`, e.g. wal/*"
            )
        return tuple(found)

    def on_disk(
        self,
        picked: Sequence[Instance],
        site: Site,  # noqa: ARG002
        what: dict[str, Any],
        words: str,
    ) -> tuple[Operation, ...]:
        """One rule for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="disk",
                instance=instance,
                params={
                    "path": self.path,
                    "operations": list(self.classes),
                    "share": parse_share(self.share),
                    "files": self.files,
                    "seed": self.seed,
                    "shared": self.shared,
                    **what,
                },
                mechanism=f"FUSE pass-through at {self.path}: {words}",
            )
            for instance in picked
        )


def wrong_volume(path: str) -> tuple[str, ...]:
    """What is wrong with the place of a volume, as `problems` says it."""
    if not path.startswith("/") or not path.strip("/"):
        return (f"path: {path!r} is not the place of a volume in the service; e.g. /data",)
    if posixpath.normpath(path) != path:
        return (f"path: {path!r} has parts that lead nowhere; write {posixpath.normpath(path)}",)
    return ()
