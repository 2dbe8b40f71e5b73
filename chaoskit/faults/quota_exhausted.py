"""Fault `quota_exhausted`: the namespace takes no more pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered, whole, wrong_pick
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class QuotaExhausted(HeldFault):
    """Use up the namespace's quota, so that a lost pod cannot be replaced.

    What: pods that run go on; whoever makes a new one is told that the quota is exceeded.

    Mechanism: a ResourceQuota of no pods. Proven by a dry run: the server refuses a pod with the
    quota's words. Nothing is made by that.

    Undo: the quota is deleted.

    Limits: it holds for the whole namespace, whatever `service` says; combine it with `pod_delete`.
    """

    name = "quota_exhausted"
    family = "kubernetes"
    in_cluster = True
    needs = ("quota",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    def problems(self) -> tuple[str, ...]:
        """The namespace is meant as a whole."""
        return (*super().problems(), *wrong_pick(self.pick))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One quota."""
        return (clustered("quota", whole(self.service), "a ResourceQuota of no pods", {"pods": 0}),)


inject = action(QuotaExhausted)
