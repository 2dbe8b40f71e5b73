"""Everybody who can be asked at a target in a cluster: the cluster's own hand, and nobody else."""

from collections.abc import Callable
from dataclasses import dataclass

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Doer, Operation
from chaoskit.target.agent import Lapse
from chaoskit.target.hands import Hand
from chaoskit.target.kubernetes.hand import ClusterHand
from chaoskit.target.kubernetes.kinds import KINDS


@dataclass(frozen=True)
class ClusterHands:
    """See chaoskit.target.hands.AnyHands."""

    cluster: ClusterHand

    def of(self, operation: Operation) -> Hand:
        """The cluster's hand. Raises FaultRefused for what only a Docker engine can do."""
        if operation.doer is not Doer.CLUSTER:
            message = (
                f"{operation.kind} is done by the agent beside a Docker engine, not in a cluster; "
                "`chaoskit list faults` has those of the family kubernetes"
            )
            raise FaultRefused(message)
        return self.cluster

    def missing(self, kind: str) -> str:
        """Why this kind cannot be done here; "" when it can."""
        return "" if kind in KINDS else f"a cluster knows no operation {kind!r}"

    def listen(self, on_lapse: Callable[[Lapse], None]) -> None:
        """Hear of leases on a node that lapsed under us: it is found out when the fault is lifted."""
        self.cluster.on_lapse = on_lapse

    def close(self) -> None:
        """Renew nothing any more, and send the helpers away."""
        self.cluster.close()
