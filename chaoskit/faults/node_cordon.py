"""Fault `node_cordon`: a node takes no new pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class NodeCordon(HeldFault):
    """Cordon the node of a pod, so that a pod which is lost there cannot be replaced there.

    What: the scheduler leaves the node out. Pods on it stay; together with `pod_delete` on a cluster
    with one node, nobody can be replaced.

    Mechanism: `spec.unschedulable` of the node on which the picked pod runs, with an annotation that
    says whose it is. A node that somebody else has cordoned is refused.

    Undo: the node is uncordoned, if the annotation is still ours.

    Limits: a node is everybody's, whatever the namespace; needs rights on nodes.
    """

    name = "node_cordon"
    family = "kubernetes"
    in_cluster = True
    needs = ("node-cordon",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Cordon the node of the first."""
        how = "spec.unschedulable of its node"
        return tuple(clustered("node-cordon", one, how) for one in picked[:1])


inject = action(NodeCordon)
