"""Fault `io_error`: a disk answers with errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.disks import DiskFault
from chaoskit.model.faults import Instance, Operation

# What a disk or its file system really says, and to which operations.
ERRORS: Mapping[str, frozenset[str]] = {
    "EIO": frozenset({"read", "write", "fsync", "open", "change"}),
    "ENOSPC": frozenset({"write", "fsync", "change"}),
    "EDQUOT": frozenset({"write", "fsync", "change"}),
    "EROFS": frozenset({"write", "change"}),
}


@dataclass(frozen=True, kw_only=True)
class IoError(DiskFault):
    """Let operations on a disk fail: a broken disk, a full one, a read-only one.

    What: `read` (of files and folders), `write` (also fallocate), `fsync`, `open` (also of new
    files) and `change` (creating, removing, renaming, cutting files and changing their attributes)
    fail with `errno`. Nothing of a failed operation is done. `all` means all that this error fits:
    EIO fits everything, ENOSPC and EDQUOT what takes room, EROFS what changes anything.

    Mechanism: the service's volume is under a FUSE file system of ours from the start of the
    target; a rule in it answers with the error. The kernel's cache of the files is dropped first,
    so that reads meet it too. Proven with a file of ours on the same disk, for every class of
    operations: the number that failed must be inside the 99 % interval of the binomial
    distribution, or the fault refuses itself.

    Undo: the rule is removed and not listed any more; an agent whose lease lapses does it as well.

    Limits: the fault is one of the disk, so it outlives a restart of the instance, and is refused
    when other containers have the disk, unless `shared`. Looking (lookup, stat) never fails. With a
    share below 100 % a page that was read well is cached, and is not read from the disk again. The
    volume must be named, anonymous or absent: a folder of the host is never put under it.
    """

    name = "io_error"
    family = "resources"
    needs = ("disk",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "path": "/data",
        "errno": "EIO",
        "operations": ["write", "fsync"],
        "share": "30%",
        "for": "10s",
    }

    errno: str = "EIO"  # EIO, ENOSPC, EDQUOT or EROFS

    @property
    def classes(self) -> tuple[str, ...]:
        """Those that are meant; `all` is what the error fits."""
        fitting = ERRORS.get(self.errno, frozenset())
        if self.operations_hit == "all":
            return tuple(one for one in super().classes if one in fitting)
        return super().classes

    def problems(self) -> tuple[str, ...]:
        """The error must be one that a disk gives to these operations."""
        found = list(super().problems())
        if self.errno not in ERRORS:
            found.append(f"errno: {self.errno!r}; choose from {', '.join(ERRORS)}")
        elif odd := [one for one in self.classes if one not in ERRORS[self.errno]]:
            fitting = ", ".join(sorted(ERRORS[self.errno]))
            found.append(
                f"operations: no disk answers {self.errno} to {', '.join(odd)}; with {self.errno} "
                f"choose from {fitting}, or take EIO"
            )
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One rule for each instance."""
        words = f"{self.errno} to {self.share} of {', '.join(self.classes)}"
        return self.on_disk(picked, site, {"errno": self.errno}, words)


inject = action(IoError)
