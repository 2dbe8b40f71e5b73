"""Fault `fork_pressure`: no further process or thread can be started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.amounts import wrong_count
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class ForkPressure(HeldFault):
    """Let an instance start only so many more processes and threads, or none at all.

    What: fork, clone and pthread_create fail with EAGAIN, as after a leak of threads or behind a
    limit that was set too low. What runs goes on; a server that starts a thread for each request,
    and a health check that the engine runs inside, cannot.

    Mechanism: the limit of the instance's pids control group (pids.max) is lowered to what is there
    now and `leave` more. Proven by a process of ours in the same group that forks until the kernel
    refuses it.

    Undo: the value that was there before is written back and read again. An instance that was
    restarted has a fresh group with the engine's own value.

    Limits: tasks that end meanwhile make room for as many new ones. Threads count like processes. A
    value that somebody else writes meanwhile (`docker update`, an autoscaler) is told by a check
    and left alone by the lift. Two faults of the same limit at once are refused.
    """

    name = "fork_pressure"
    family = "process"
    needs = ("forks",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "leave": 2}

    leave: int = 0  # how many more processes and threads can be started

    def problems(self) -> tuple[str, ...]:
        """What is left must be a count."""
        return (*super().problems(), *wrong_count("leave", self.leave, 0, 1000))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One limit for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="forks",
                instance=instance,
                params={"leave": self.leave},
                mechanism=f"pids.max of the instance lowered to what it has and {self.leave} more",
            )
            for instance in picked
        )


inject = action(ForkPressure)
