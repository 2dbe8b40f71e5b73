"""Fault `memory_hog`: memory gets short inside an instance, without anybody being killed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_ratio, parse_size


@dataclass(frozen=True, kw_only=True)
class MemoryHog(HeldFault):
    """Take memory of an instance's own limit, so that less of it is left to the service.

    What: so much memory is resident and charged to the instance; its page cache shrinks, and its
    own growth meets the limit sooner.

    Mechanism: a helper of the agent joins the memory control group of the instance and writes to
    every page. Proven by what is resident of it, within 10 %, and by its membership in the group.

    Undo: the helper is ended; the kernel takes the memory back.

    Limits: refused where it would not fit below the instance's limit (that is the fault
    memory_limit), and where less than a quarter of the host's memory would stay free. A percentage
    is one of the limit and needs one. The kernel's OOM killer may choose the hog when the service
    itself grows up to the limit; a check then says that it is gone.
    """

    name = "memory_hog"
    family = "resources"
    needs = ("memory_hog",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "size": "64MiB"}

    size: str  # such as 64MiB, or a share of the instance's limit such as 30%

    def problems(self) -> tuple[str, ...]:
        """The size must be one, or a percentage."""
        found = list(super().problems())
        try:
            if not self.amount.get("bytes", 1) or not self.amount.get("share", 1):
                found.append(f"size: {self.size!r} is nothing; choose 1MiB or more")
        except ValueError as error:
            found.append(f"size: {error}; or a share of the limit, e.g. 30%")
        return tuple(found)

    @property
    def amount(self) -> dict[str, Any]:
        """`bytes`, or `share` of the limit. Raises ValueError."""
        if str(self.size).strip().endswith("%"):
            return {"share": parse_ratio(self.size)}
        return {"bytes": parse_size(self.size)}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One hog for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="memory_hog",
                instance=instance,
                params=self.amount,
                mechanism=f"{self.size} resident in the instance's memory control group",
            )
            for instance in picked
        )


inject = action(MemoryHog)
