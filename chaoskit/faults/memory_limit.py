"""Fault `memory_limit`: a service meets its memory limit and is killed by the kernel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_size


@dataclass(frozen=True, kw_only=True)
class MemoryLimit(HeldFault):
    """Lower the memory limit of an instance until the kernel's OOM killer kills its main process.

    What: the kernel kills the service for want of memory, exactly as after a leak: SIGKILL, with
    the engine's "OOM killed" in its state, and nothing else on the host is touched.

    Mechanism: the limit of the instance's memory control group is set to `limit`, or to 16 MiB
    above what is in use; the main process is made the first victim (oom_score_adj 1000); a helper
    of the agent in the same group grows until the kernel acts. Proven by the group's own count of
    OOM kills and by the end of the main process, seen through a pidfd.

    Undo: the helper is ended, the limit and the score are put back and read again. An instance that
    was restarted has a fresh group with the engine's own limit, which is proven by reading it.

    Limits: the kill is over at once and only the system repairs it; what is held until the lift is
    only what an instance that lives on would have kept. A limit below what is in use is refused,
    because cgroup v1 does not take it. Refused too where the OOM killer is switched off, and where
    less than a quarter of the host's memory would stay free on the way.
    """

    name = "memory_limit"
    family = "resources"
    needs = ("memory_limit",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    limit: str | None = None  # such as 128MiB; absent: just above what is in use

    def problems(self) -> tuple[str, ...]:
        """The limit must be a size."""
        found = list(super().problems())
        try:
            if self.limit is not None and parse_size(self.limit) < 1 << 20:
                found.append(f"limit: {self.limit!r} is too low to be one; choose 1MiB or more")
        except ValueError as error:
            found.append(f"limit: {error}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One limit and one hog for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="memory_limit",
                instance=instance,
                params={"bytes": None if self.limit is None else parse_size(self.limit)},
                mechanism=f"memory limit of {self.limit or 'just above use'}, and growth up to it",
            )
            for instance in picked
        )


inject = action(MemoryLimit)
