"""Fault `crash_loop`: a service that dies again as soon as it has come up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.amounts import wrong_count
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class CrashLoop(HeldFault):
    """Kill the main process of an instance, and each one that takes its place, a few times.

    What: the first one dies at once, each of its successors after it has lived for `after`. A
    restart policy's growing delay, a supervisor's start limit and a probe's patience are met in
    earnest, which a single crash does not do.

    Mechanism: a helper of the agent kills from the host's process namespace and watches the
    instance's control group, which has the same path after each restart. It is in effect when the
    first process is seen leaving the kernel; a check tells how many kills were done so far.

    Undo: the helper is ended, and so is the killing. To bring the instance back is the
    system's work.

    Limits: only a container that is started again under its own id is met again; a replacement has
    another id and is spared. It needs a container with a process namespace of its own. A restart is
    seen within 10 ms. The helper dies with the agent: when the lease lapses, the killing ends.
    """

    name = "crash_loop"
    family = "process"
    needs = ("crash_loop",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "times": 3, "after": "200ms"}

    times: int = 3  # how often, the first kill included
    after: str = "200ms"  # how long each successor may live

    def problems(self) -> tuple[str, ...]:
        """At least two kills, and a duration."""
        found = [*super().problems(), *wrong_count("times", self.times, 2, 1000)]
        try:
            parse_duration(self.after)
        except ValueError as error:
            found.append(f"after: {error}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One killer for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="crash_loop",
                instance=instance,
                params={"times": self.times, "after_s": parse_duration(self.after)},
                mechanism=f"SIGKILL from the host to {self.times} main processes in turn",
            )
            for instance in picked
        )


inject = action(CrashLoop)
