"""Fault `pod_delete`: a pod is gone, as after an eviction by hand or the loss of its node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.faults.parts.grace import whole_seconds, wrong_grace
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class PodDelete(StruckFault):
    """Delete a pod, so that its controller must make another one.

    What: the pod is asked to end and leaves its Service; after `grace` it is killed. Its name and
    address do not come back, except a StatefulSet's name.

    Mechanism: a delete request with the pod's uid as its precondition, so that a pod which took its
    name is never hit. A pod that is already on its way out is refused. Proven by the API server,
    which no longer knows the uid or is deleting it; it counts from the request on.

    Undo: none. Only the system can replace it. A pod without a controller does not come back.

    Limits: it says nothing about a process that hangs or a node that is lost; see `container_hang`
    and `node_unreachable`. `grace: 0s` leaves the kubelet no time to end the process in good order.
    """

    name = "pod_delete"
    family = "kubernetes"
    in_cluster = True
    needs = ("pod-delete",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "grace": "0s"}

    grace: str | None = None  # from the stop signal to SIGKILL; the pod's own when absent

    def problems(self) -> tuple[str, ...]:
        """A grace must be one."""
        return (*super().problems(), *(wrong_grace(self.grace) if self.grace else ()))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Delete each pod."""
        params = {} if self.grace is None else {"grace_s": whole_seconds(self.grace)}
        return tuple(
            clustered("pod-delete", one, "a delete request with the pod's uid", params)
            for one in picked
        )


inject = action(PodDelete)
