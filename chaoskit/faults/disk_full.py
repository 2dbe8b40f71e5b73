"""Fault `disk_full`: no space is left where an instance writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_path, wrong_size
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_size


@dataclass(frozen=True, kw_only=True)
class DiskFull(HeldFault):
    """Take all free space of a bounded file system of an instance: a tmpfs, or a disk of its own.

    What: whatever needs one block more gets ENOSPC. Bytes that a file has already can still be
    overwritten.

    Mechanism: a file of ours in `path`, grown by fallocate until nothing goes. Proven by one block
    more, which is refused with ENOSPC. It is done from outside, below /proc/PID/root.

    Undo: our file is removed, also when the instance was restarted meanwhile and its volume lives
    on.

    Limits: refused for the engine's own disk, where volumes and container layers usually are,
    because everybody would suffer, and above 4 GiB of free space: `io_error` with errno ENOSPC
    needs no filling. Space that the service gives back later is free again; `check` says so. On a
    tmpfs this takes memory of the host.
    """

    name = "disk_full"
    family = "resources"
    needs = ("fill",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "path": "/data"}

    path: str  # a folder of the instance, on the file system that is meant
    leave: str = "0B"  # that stays free: 64KiB

    def problems(self) -> tuple[str, ...]:
        """The path must be absolute, and what is left a size."""
        found = [*super().problems(), *wrong_path("path", self.path)]
        return (*found, *wrong_size("leave", self.leave))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One file for each instance."""
        params = {"path": self.path, "leave_bytes": parse_size(self.leave)}
        mechanism = f"a file that takes the free space of {self.path}, leaving {self.leave}"
        return tuple(
            Operation(
                doer=Doer.AGENT, kind="fill", instance=one, params=params, mechanism=mechanism
            )
            for one in picked
        )


inject = action(DiskFull)
