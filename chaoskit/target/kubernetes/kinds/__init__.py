"""What the cluster's hand can do, by kind of operation."""

from collections.abc import Mapping

from chaoskit.target.kubernetes.kind import ClusterKind
from chaoskit.target.kubernetes.kinds import containers, nodes, objects, pods, workloads

KINDS: Mapping[str, ClusterKind] = {
    **pods.KINDS,
    **containers.KINDS,
    **nodes.KINDS,
    **workloads.KINDS,
    **objects.KINDS,
}
