"""Fault `node_drain`: a node is emptied, as for maintenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.faults.parts.evicting import wrong_patience
from chaoskit.model.faults import Instance, Operation
from chaoskit.model.quantities import parse_duration


@dataclass(frozen=True, kw_only=True)
class NodeDrain(HeldFault):
    """Cordon the node of a pod, and evict the workload's pods that run there.

    What: the pods leave one by one, as far as their disruption budget lets them, and must come up on
    another node. On a cluster with one node they wait until the drain is over.

    Mechanism: the node is cordoned, then every pod is asked to be evicted by its uid. Pods of
    DaemonSets and of the node itself stay. Pods without an owner and pods with an emptyDir would be
    lost for good: they are refused, before anything is changed, unless `force` is given.

    Undo: the node is uncordoned. The pods come back by themselves.

    Limits: others' pods on the node stay, which a real drain would evict too; with `whole: true` all
    pods of the namespace leave. A disruption budget that forbids an eviction for longer than `patience` means: not
    applied, and the node is uncordoned at once.
    """

    name = "node_drain"
    family = "kubernetes"
    in_cluster = True
    needs = ("node-drain",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    force: bool = False  # evict also what would be lost for good
    whole: bool = False  # every pod of the namespace on that node, not the workload's only
    patience: str = "15s"  # how long, in all, evictions that a budget forbids are asked for again

    def problems(self) -> tuple[str, ...]:
        """A patience that one can have."""
        return (*super().problems(), *wrong_patience(self.patience))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Drain the node of the first; all of its pods there leave."""
        patience_s = parse_duration(self.patience)
        params = {"force": self.force, "whole": self.whole, "patience_s": patience_s}
        how = "cordoned, then evictions"
        return tuple(clustered("node-drain", one, how, params) for one in picked[:1])


inject = action(NodeDrain)
