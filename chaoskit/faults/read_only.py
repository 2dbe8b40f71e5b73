"""Fault `read_only`: an instance cannot write to one of its file systems any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_path
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class ReadOnly(HeldFault):
    """Make a mount of an instance read-only, as the kernel does after an error of the disk.

    What: whoever wants to write there gets EROFS, in this instance only: others that use the same
    volume go on writing.

    Mechanism: the mount is remounted read-only from inside the instance's mount namespace. Proven
    by a file that cannot be made there.

    Undo: the mount gets exactly the options that it had.

    Limits: `path` must be where something is mounted: a volume, a tmpfs, or /. The kernel refuses
    (EBUSY) while a file there is open for writing, as a database's always is: then `io_error` with
    errno EROFS does it. An instance that restarts gets fresh, writable mounts.
    """

    name = "read_only"
    family = "resources"
    needs = ("readonly",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "path": "/data"}

    path: str  # where a volume or a tmpfs is mounted in the instance, or /

    def problems(self) -> tuple[str, ...]:
        """The path must be absolute."""
        return (*super().problems(), *wrong_path("path", self.path))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One remount for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="readonly",
                instance=one,
                params={"path": self.path},
                mechanism=f"remount of {self.path} as read-only, in the instance's namespace",
            )
            for one in picked
        )


inject = action(ReadOnly)
