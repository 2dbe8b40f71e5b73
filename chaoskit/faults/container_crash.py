"""Fault `container_crash`: the main process of a pod's container dies without a word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.faults.parts.clustered import clustered
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class ContainerCrash(StruckFault):
    """Kill the main process of a container in a pod, so that the kubelet must restart it.

    What: SIGKILL; nothing is flushed, closed or said goodbye to. The pod stays, with its name and
    its address.

    Mechanism: a helper pod on the same node, in the node's own process namespace, finds the process
    by the container's id in its control group and kills it. `kill` run inside the container would do
    nothing, because the kernel protects the first process of a namespace from its own kind. Proven
    by the helper, which sees the process end, and by the API server, which shows a higher restart
    count, another container id, or the container's end; it counts from the order on.

    Undo: none. Only the system repairs it.

    Limits: needs `agent_image` in target.yaml, and a namespace that allows `hostPID`. The kubelet's
    back-off grows with every crash; before the next trial the harness therefore deletes the pod,
    whose successor has none.
    """

    name = "container_crash"
    family = "kubernetes"
    in_cluster = True
    needs = ("container-kill",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web"}

    container: str = ""  # which one, in a pod of several

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """SIGKILL to each main process."""
        params = {"container": self.container}
        how = "SIGKILL to the main process, by a helper on its node"
        return tuple(clustered("container-kill", one, how, params) for one in picked)


inject = action(ContainerCrash)
