"""The kubelet's restarts, and the controller that replaces lost pods."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, doubled, uniform

FIRST_S = 10.0
CAP_S = 300.0
FORGETS_AFTER_S = 600.0


class KubernetesReplicaset(HealerKind):
    """The kubelet restarts containers that ended, and the controller replaces pods that are lost.

    The kubelet lists its containers every second; the first restart is immediate, then 10 s, 20 s
    and so on, up to 5 minutes. A node that is lost is waited for before its pods are given up.
    """

    name = "kubernetes-replicaset"
    title = "ReplicaSet and kubelet"
    settings = (
        Setting("relist", "Between two looks of the kubelet at its containers.", Of.DURATION, "1s"),
        Setting("node_grace", "node-monitor-grace-period.", Of.DURATION, "50s"),
        Setting("toleration", "tolerationSeconds of unreachable nodes.", Of.DURATION, "300s"),
    )
    rearm = "delete the pod: a new one has no back-off; or wait for 10 minutes"
    witness = "the pod's restartCount, the count of ready replicas, and the node's Ready"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a crash; a container that hangs is none of its business."""
        del asks_hz
        if LOSSES.get(fault) is not Loss.GONE:
            return None
        relist_s = self.values(settings)["relist"]
        seen = uniform(0.0, relist_s)
        return Floor(
            detection=seen,
            action=seen + Span(0.0, 0.4, 1.0),
            uniform=True,
            why=f"a look every {seconds(relist_s)}; the first restart is immediate",
        )


def backoff_s(crash: int) -> float:
    """What the kubelet waits before the restart after this many crashes in a row, from 1."""
    return 0.0 if crash <= 1 else doubled(FIRST_S, crash - 1, CAP_S)


def node_lost_s(grace_s: float = 40.0, toleration_s: float = 300.0) -> float:
    """Until the pods of a lost node are given up."""
    return grace_s + toleration_s


KIND = KubernetesReplicaset()
