"""Fault `memory_leak`: an instance uses more and more memory, until the kernel kills it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_rate
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_size


@dataclass(frozen=True, kw_only=True)
class MemoryLeak(HeldFault):
    """Let an instance's memory grow at a steady rate, up to its limit and the kernel's OOM killer.

    What: first nothing but a number that rises. Users are hurt when the limit is reached and the
    main process is killed, unless somebody acts before. When that is due is known from the room
    below the limit and the rate; a healer that acts earlier has prevented it.

    Mechanism: a helper of the agent leaks inside the memory control group of the instance, and the
    main process's oom_score_adj is raised, so that the kernel kills the service for it. Proven by
    what the helper has taken in its first half second, and by its membership in the group.

    Undo: the helper is ended, the score is what it was. A restart of the instance ends the leak,
    as it would end a leak of its own.

    Limits: seen in the instance's control group (what cAdvisor shows), not in the resident size of
    its main process. Without a memory limit no harm is due, and the leak stops growing when a
    quarter of the host's memory is left; refused where reaching the limit would take that quarter.
    """

    name = "memory_leak"
    family = "resources"
    needs = ("memory_leak",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "rate": "1MiB"}

    rate: str  # a second: 10MiB

    def problems(self) -> tuple[str, ...]:
        """The rate must be a size that can be kept up."""
        return (*super().problems(), *wrong_rate("rate", self.rate))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One leak for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="memory_leak",
                instance=instance,
                params={"rate": parse_size(self.rate)},
                mechanism=f"{self.rate} a second leaked in the instance's memory control group",
            )
            for instance in picked
        )


inject = action(MemoryLeak)
