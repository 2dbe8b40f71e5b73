"""Fault `workload_scale`: a workload has fewer pods than it should, as after a wrong scaling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered, whole, wrong_pick
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class WorkloadScale(HeldFault):
    """Scale a Deployment or StatefulSet down, to none or to too few.

    What: the pods above the number end in good order. The controller has no reason to make them
    again: only an autoscaler, an operator or a deployment tool has.

    Mechanism: a patch of `spec.replicas`. Proven when no more pods than that are ready and not
    terminating.

    Undo: the former number, unless somebody has changed it meanwhile, who then has healed it.

    Limits: a number that is not below the present one is refused.
    """

    name = "workload_scale"
    family = "kubernetes"
    in_cluster = True
    needs = ("scale",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "to": 0}

    to: int = 0  # replicas that are left

    def problems(self) -> tuple[str, ...]:
        """The number must be possible."""
        return (
            *super().problems(),
            *wrong_pick(self.pick),
            *(["to: fewer than 0 are not possible"] if self.to < 0 else []),
        )

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Scale the workload."""
        return (
            clustered("scale", whole(self.service), "a patch of spec.replicas", {"to": self.to}),
        )


inject = action(WorkloadScale)
