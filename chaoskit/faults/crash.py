"""Fault `crash`: a process dies without a word, as after a defect or the kernel's OOM killer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Crash(StruckFault):
    """Kill the main process of an instance, so that its container dies at once.

    What: the process ends with SIGKILL; nothing is flushed, closed or said goodbye to, and all
    other processes of the container end with it.

    Mechanism: the agent sends SIGKILL from the host's process namespace. It is in effect when every
    thread is seen leaving the kernel, and proven by a pidfd when the process has ended. `docker kill` is not used: the engine takes it for its operator's wish,
    and then its restart policy does not act.

    Undo: none. Only the system repairs it; what it left is seen by the redundancy measure.

    Limits: a container that is paused by the engine does not die before it is unpaused; the fault
    is then refused as not proven. Repeated crashes within ten seconds meet the engine's growing
    restart delay.
    """

    name = "crash"
    family = "process"
    needs = ("signal",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """SIGKILL to each main process."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="signal",
                instance=instance,
                params={"signal": "KILL", "scope": "main"},
                mechanism="SIGKILL to the main process, from the host",
            )
            for instance in picked
        )


inject = action(Crash)
