"""Fault `cpu_quota`: an instance gets only a share of a CPU, as on an overbooked host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_cpus


@dataclass(frozen=True, kw_only=True)
class CpuQuota(HeldFault):
    """Limit the CPU time of an instance to a share of one CPU.

    What: in each period (100 ms unless the engine was told otherwise) the processes of the instance
    may run for their share and are then throttled until the next one: every answer takes longer,
    in steps of the period.

    Mechanism: the quota of the instance's cpu control group (cpu.cfs_quota_us, or cpu.max). Proven
    by use: helpers in the same group, behind everybody else there (SCHED_IDLE), want all the time
    that is left for about 0.6 s, and what the group as a whole got is the promise within 10 %.

    Undo: the value that was there before is written back and read again. An instance that was
    restarted has a fresh group with the engine's own value.

    Limits: while it is proven, the quota is used up also when the instance is idle. A quota above
    what the instance may use already, or below 1 ms in a period, is refused. A busy machine may
    give less than the quota; the evidence then says how much, and the fault is refused only where
    the quota was not used up in any period. A value that somebody else writes meanwhile (`docker
    update`, an autoscaler) is told by a check and left alone by the lift. Two faults of the same
    limit at once are refused.
    """

    name = "cpu_quota"
    family = "resources"
    needs = ("cpu_quota",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "quota": "10%"}

    quota: str  # of one CPU: 10%, 150%

    def problems(self) -> tuple[str, ...]:
        """The quota must be a percentage that the kernel can keep."""
        found = list(super().problems())
        try:
            if not 0.01 <= parse_cpus(self.quota) <= 1024:
                found.append(
                    f"quota: {self.quota!r} is out of range; choose from 1% of one CPU upwards"
                )
        except ValueError as error:
            found.append(f"quota: {error}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One quota for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="cpu_quota",
                instance=instance,
                params={"cpus": parse_cpus(self.quota)},
                mechanism=f"CPU quota of the instance's control group: {self.quota} of one CPU",
            )
            for instance in picked
        )


inject = action(CpuQuota)
