"""Fault `pod_evict`: a pod is asked to leave, and its disruption budget is asked first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.faults.parts.evicting import wrong_patience
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class PodEvict(StruckFault):
    """Evict a pod, as a drain or a cluster autoscaler does it.

    What: like `pod_delete`, but a PodDisruptionBudget may forbid it. With `patience` it is asked for
    again every second, as a drain does it: several pods then leave as fast as their budget lets them.

    Mechanism: the eviction request, with the pod's uid. Proven by the API server, which no longer
    knows the uid or is deleting it; it counts from the request on.

    Undo: none. Only the system can replace it.

    Limits: an eviction that the disruption budget still forbids after `patience` is not applied, with
    the budget's words: nothing was broken, so nothing was learnt about recovery.
    """

    name = "pod_evict"
    family = "kubernetes"
    in_cluster = True
    needs = ("pod-evict",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    patience: str = "0s"  # how long an eviction that the budget forbids is asked for again

    def problems(self) -> tuple[str, ...]:
        """A patience that one can have."""
        return (*super().problems(), *wrong_patience(self.patience))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Evict each pod."""
        how = "an eviction request with the pod's uid"
        params = {"patience_s": parse_duration(self.patience)}
        return tuple(clustered("pod-evict", one, how, params) for one in picked)


inject = action(PodEvict)
