"""Fault `cpu_hog`: something in the same container wants the CPU too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.amounts import wrong_count
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_ratio


@dataclass(frozen=True, kw_only=True)
class CpuHog(HeldFault):
    """Let processes of ours compete for CPU time inside the instance's own CPU share.

    What: `workers` processes that each want `load` of a CPU run in the instance's control group:
    they count as the instance, share its weight and its quota, and slow it down like a runaway
    thread or a garbage collector would.

    Mechanism: a helper of the agent joins the cpu control groups of the instance and forks its
    workers there. Proven by the scheduler's count of each worker: the time that it ran and the time
    that it waited to run are together what was promised, within 10 %.

    Undo: the workers are ended, and none of them is found afterwards.

    Limits: how much the service suffers depends on the CPUs that are free: with fewer workers than
    idle CPUs hardly at all. The workers see none of the instance's files, network or processes. On
    cgroup v2 they count against its memory and task limits too.
    """

    name = "cpu_hog"
    family = "resources"
    needs = ("cpu_hog",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "workers": 2, "load": "100%"}

    workers: int = 2  # how many processes
    load: str | float = "100%"  # the share of a CPU that each of them wants

    def problems(self) -> tuple[str, ...]:
        """A number of workers, and a share."""
        found = [*super().problems(), *wrong_count("workers", self.workers, 1, 64)]
        try:
            if parse_ratio(self.load) < 0.05:
                found.append(f"load: {self.load!r} is hardly anything; choose from 5% to 100%")
        except ValueError as error:
            found.append(f"load: {error}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One hog for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="cpu_hog",
                instance=instance,
                params={"workers": self.workers, "load": parse_ratio(self.load)},
                mechanism=f"{self.workers} workers of {self.load} in the instance's cpu control group",
            )
            for instance in picked
        )


inject = action(CpuHog)
