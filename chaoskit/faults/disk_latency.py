"""Fault `disk_latency`: a disk takes its time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, action
from chaoskit.faults.parts.disks import DiskFault
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_duration

LONGEST_S = 2.0  # while it is proven, the agent attends to nothing else


@dataclass(frozen=True, kw_only=True)
class DiskLatency(DiskFault):
    """Let operations on a disk take longer, each by the same time.

    What: `read` (of files and folders), `write` (also fallocate), `fsync`, `open` and `change`
    (creating, removing, renaming, cutting files and changing their attributes) begin `delay` later;
    operations that are under way at the same time do not wait for each other.

    Mechanism: the service's volume is under a FUSE file system of ours from the start of the
    target; a rule in it waits. The kernel's cache of the files is dropped first, so that reads meet
    it too. Proven with a file of ours on the same disk, for every class of operations: the median
    must be within 5 % (or 1 ms) of the promise, or the fault refuses itself.

    Undo: the rule is removed and not listed any more, and whoever waits because of it goes on at
    once; an agent whose lease lapses does it as well.

    Limits: the fault is one of the disk, so it outlives a restart of the instance, and is refused
    when other containers have the disk, unless `shared`. A write of more than 1 MiB is several
    operations, and reads ahead are too. What the kernel has cached since is not read again. A
    process that waits for the disk cannot be killed before the delay is over, as on a real disk.
    """

    name = "disk_latency"
    family = "resources"
    needs = ("disk",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "path": "/data",
        "delay": "100ms",
        "operations": ["fsync"],
        "for": "10s",
    }

    delay: str  # that is added to each operation: 100ms

    def problems(self) -> tuple[str, ...]:
        """A delay that can be waited for while it is proven."""
        found = list(super().problems())
        try:
            delay_s = parse_duration(self.delay)
        except ValueError as error:
            return (*found, f"delay: {error}")
        if not 0 < delay_s <= LONGEST_S:
            found.append(
                f"delay: {self.delay!r}; choose more than nothing and at most {LONGEST_S:g}s "
                "(a disk that gives up is io_error)"
            )
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One rule for each instance."""
        words = f"{self.delay} more for {self.share} of {', '.join(self.classes)}"
        return self.on_disk(picked, site, {"delay_s": parse_duration(self.delay)}, words)


inject = action(DiskLatency)
