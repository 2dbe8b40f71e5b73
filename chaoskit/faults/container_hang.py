"""Fault `container_hang`: every process of a pod's container stands still."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class ContainerHang(HeldFault):
    """Stop every process of a container in a pod, so that it accepts connections and never answers.

    What: SIGSTOP. The container runs on, as far as its runtime can tell; a liveness probe is what
    finds it.

    Mechanism: a helper pod on the node finds the processes by the container's id in their control
    groups and stops them. Proven by their states.

    Undo: SIGCONT by the helper, proven by their states. A container that the kubelet has replaced
    meanwhile counts as lifted. A process on the node lets everything go when the harness has not
    renewed for 30 s.

    Limits: needs `agent_image` in target.yaml, and a namespace that allows `hostPID`. Processes that
    are begun while it is on are not stopped.
    """

    name = "container_hang"
    family = "kubernetes"
    in_cluster = True
    needs = ("container-stop",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    container: str = ""  # which one, in a pod of several

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """SIGSTOP to every process of each."""
        params = {"container": self.container}
        how = "SIGSTOP to every process, by a helper on its node"
        return tuple(clustered("container-stop", one, how, params) for one in picked)


inject = action(ContainerHang)
