"""Fault `stall`: the main process of an instance stops while its children go on.

It is made of an operation that chaoskit has. Which there are: `chaoskit doctor --full`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class Stall(HeldFault):
    """Stop the main process of an instance, and let its children go on.

    What: SIGSTOP to the first process only, as when a supervisor inside a container hangs.

    Mechanism: chaoskit's operation `signal`, with scope main.

    Undo: SIGCONT, seen running again.

    Limits: a service that is one process hangs wholly; that is the fault `hang`.
    """

    name = "stall"
    family = "process"
    needs = ("signal",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "for": "10s"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """SIGSTOP to each main process."""
        del site
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="signal",
                instance=instance,
                params={"signal": "STOP", "scope": "main"},
                mechanism="SIGSTOP to the main process, from the host",
            )
            for instance in picked
        )


inject = action(Stall)
