"""Fault `network_policy`: nobody reaches a workload, by a NetworkPolicy that allows nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered, whole, wrong_pick
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class NetworkPolicy(HeldFault):
    """Cut a workload off with a NetworkPolicy.

    What: connections to its pods get no answer; with `direction: both` theirs to others neither.

    Mechanism: a NetworkPolicy that selects the workload's pods and allows nothing. Proven by a
    connection from a helper pod that worked before and does not any more: a network plug-in that
    enforces no policy accepts it and blocks nothing, and then the fault is not applied.

    Undo: the policy is deleted.

    Limits: connections that stand already may go on, as the plug-in likes it. Probes of the kubelet
    are let through by most plug-ins, so that the pods stay ready. Not felt through a port-forward:
    a target whose users come so is refused. Needs `agent_image`, with `nc` or
    `python3` in it.
    """

    name = "network_policy"
    family = "kubernetes"
    in_cluster = True
    needs = ("network-policy",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "port": 8080}

    port: int | None = None  # the connection that is tried; a port of its containers when absent
    direction: str = "in"  # in, or both

    def problems(self) -> tuple[str, ...]:
        """There are two directions."""
        return (*super().problems(), *wrong_pick(self.pick), *self._wrong_way())

    def _wrong_way(self) -> tuple[str, ...]:
        if self.direction in {"in", "both"}:
            return ()
        return (f"direction: {self.direction!r} is unknown; in or both",)

    def felt_through(self, way: str) -> bool:
        """A port-forward ends inside the pod, where no policy is asked."""
        return way != "port-forward"

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One policy for the workload."""
        params = {"port": self.port, "direction": self.direction}
        how = "a NetworkPolicy that allows nothing"
        return (clustered("network-policy", whole(self.service), how, params),)


inject = action(NetworkPolicy)
