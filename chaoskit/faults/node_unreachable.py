"""Fault `node_unreachable`: a node is not heard of any more, while its pods run on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class NodeUnreachable(HeldFault):
    """Silence the kubelet of the node on which a pod runs.

    What: the node becomes NotReady when the cluster has missed it for its grace period; its pods
    serve on, leave their Services, and are replaced elsewhere when their toleration is over.

    Mechanism: a helper pod stops the kubelet's process. Proven when the API server shows the node as
    not ready, up to three minutes later; it counts from the order on.

    Undo: nobody can reach the node meanwhile, not even the harness: a process on the node lets the
    kubelet go after `seconds`, whatever happens, and that is waited for.

    Limits: it cannot be lifted earlier. `seconds` must be longer than the cluster's grace period (40
    to 50 s by default), or nothing is ever seen of it. On a cluster with one node nobody can replace
    anything. Needs `agent_image` and a namespace that allows `hostPID`.
    """

    name = "node_unreachable"
    family = "kubernetes"
    in_cluster = True
    needs = ("node-silence",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "seconds": 120}

    seconds: int = 90  # how long; 1 to 170

    def problems(self) -> tuple[str, ...]:
        """It must end while it is still waited for."""
        wrong = () if 0 < self.seconds <= 170 else ("seconds: 1 to 170 are possible",)
        return (*super().problems(), *wrong)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Silence the node of the first."""
        params = {"seconds": self.seconds}
        how = "SIGSTOP to the kubelet, by a helper on the node"
        return tuple(clustered("node-silence", one, how, params) for one in picked[:1])


inject = action(NodeUnreachable)
