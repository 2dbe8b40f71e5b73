"""Fault `lose_unsynced`: a power cut, after which only what was synced is on the disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.faults.parts.disks import wrong_volume
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.fittings import Fitting, FittingKind


@dataclass(frozen=True, kw_only=True)
class LoseUnsynced(StruckFault):
    """Kill an instance as a power cut does: what it had not synced to its disk is gone.

    What: the main process is killed with all its companions, and the volume is what the last syncs
    made it. What an fsync or fdatasync was answered for stays, contents and size. Data that was not
    synced is gone: overwritten blocks have their old contents, appended ones do not exist. Names,
    owners, modes and cuts go back to the last sync of a folder or of a changed file, which makes
    all of them durable that came before, in their order, as a journal does (ext4, data=ordered). So
    a file that was renamed before its data was synced may be empty.

    Mechanism: the service's volume is under a FUSE file system of ours from the start of the
    target, which writes everything through and keeps what was there before until a sync. The power
    is cut first, so that nothing can become durable any more; then the processes are killed; when
    they are gone, the old contents are put back. Proven with a file of ours on the same disk: of
    two blocks written just before, the synced one must be there and the other one must not.

    Undo: none, the system has to repair it.

    Limits: nothing becomes durable by the passing of time, as if the kernel had not written
    anything back by itself; only beyond 256 MiB of old contents a file counts as written back.
    sync(2) does not reach FUSE file systems, fsync does. Times of files are not taken back. ext4's
    auto_da_alloc, which syncs a file before it replaces another one, is not imitated. Refused when
    another container has the disk too.
    """

    name = "lose_unsynced"
    family = "data"
    needs = ("power_cut",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "path": "/data"}

    path: str  # where the service has its volume: /data

    def fittings(self) -> tuple[Fitting, ...]:
        """The disk, which must be under the service from the start, and must remember."""
        disk = Fitting(kind=FittingKind.DISK, service=self.service, path=self.path, remembers=True)
        return (disk,)

    def problems(self) -> tuple[str, ...]:
        """The path of a volume."""
        return (*super().problems(), *wrong_volume(self.path))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One power cut for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="power_cut",
                instance=instance,
                params={"path": self.path},
                mechanism=f"SIGKILL, and the FUSE disk at {self.path} takes back what was not synced",
            )
            for instance in picked
        )


inject = action(LoseUnsynced)
