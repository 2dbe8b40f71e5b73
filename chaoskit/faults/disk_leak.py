"""Fault `disk_leak`: an instance's disk fills up, little by little."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_path, wrong_rate
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_size


@dataclass(frozen=True, kw_only=True)
class DiskLeak(HeldFault):
    """Fill a bounded file system of an instance at a steady rate, as a log that nobody rotates.

    What: first nothing but a number that falls. Users are hurt when no space is left, unless
    somebody acts before. When that is due is known from the free space and the rate; a healer that
    acts earlier has prevented it.

    Mechanism: a file of ours in `path` that a helper of the agent appends to, from outside, below
    /proc/PID/root. Proven by what was written in the first half second, and by the free space.

    Undo: the helper is ended and the file removed, also when the instance was restarted meanwhile
    and its volume lives on. On a tmpfs a restart of the instance ends and removes the leak.

    Limits: as of disk_full: refused for the engine's own disk, and above 4 GiB of free space. Space
    that the service uses itself brings the end nearer than what is told.
    """

    name = "disk_leak"
    family = "resources"
    needs = ("disk_leak",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "path": "/data", "rate": "64KiB"}

    path: str  # a folder of the instance, on the file system that is meant
    rate: str  # a second: 1MiB

    def problems(self) -> tuple[str, ...]:
        """The path must be absolute, and the rate a size that can be kept up."""
        found = [*super().problems(), *wrong_path("path", self.path)]
        return (*found, *wrong_rate("rate", self.rate))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One file for each instance."""
        params = {"path": self.path, "rate": parse_size(self.rate)}
        mechanism = f"a file in {self.path} that grows by {self.rate} a second"
        return tuple(
            Operation(
                doer=Doer.AGENT, kind="disk_leak", instance=one, params=params, mechanism=mechanism
            )
            for one in picked
        )


inject = action(DiskLeak)
