"""Fault `renice`: an instance gets what other processes leave of the processor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation

_LEAST, _MOST = 1, 19


@dataclass(frozen=True, kw_only=True)
class Renice(HeldFault):
    """Give the main process of an instance a low priority.

    What: its nice value is raised, so that on a busy machine it waits for everybody else.

    Mechanism: the operation `example_nice` of this package; proven by reading the value back.

    Undo: the value from before, read back.

    Limits: nothing is felt on a machine that is idle. Threads that are started later keep theirs.
    """

    name = "renice"
    family = "resources"
    needs = ("example_nice",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "nice": 15, "for": "10s"}

    nice: int = 19  # 1 to 19; 19 is the least important

    def problems(self) -> tuple[str, ...]:
        """The value must be one that lowers the priority."""
        found = super().problems()
        if not _LEAST <= self.nice <= _MOST:
            return (*found, f"nice: {self.nice} is out of range; choose from {_LEAST} to {_MOST}")
        return found

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:
        """One change of priority for each instance."""
        del site
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="example_nice",
                instance=instance,
                params={"nice": self.nice},
                mechanism=f"setpriority {self.nice}",
            )
            for instance in picked
        )


inject = action(Renice)
