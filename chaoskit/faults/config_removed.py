"""Fault `config_removed`: a ConfigMap or a Secret is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered, whole, wrong_pick
from chaoskit.model.faults import Instance, Operation


@dataclass(frozen=True, kw_only=True)
class ConfigRemoved(HeldFault):
    """Delete a ConfigMap or a Secret that a workload needs.

    What: pods that run go on; a container that begins anew waits with CreateContainerConfigError.
    Combine it with `pod_delete` or `container_crash` to see it bite.

    Mechanism: a delete request; proven by the API server, which knows it no longer.

    Undo: the object is made again as it was, unless somebody else has made it meanwhile.

    Limits: what it held is kept in a Secret of ours in the same namespace until it is lifted, and
    nowhere else; whoever removes that Secret as well has removed it for good. What is larger than
    about 700 kB does not fit in there and is refused. Keys that a kubelet has cached in a volume
    stay there.
    """

    name = "config_removed"
    family = "kubernetes"
    in_cluster = True
    needs = ("config-remove",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "config": "web-app"}

    config: str  # its name
    secret: bool = False  # a Secret, not a ConfigMap

    def problems(self) -> tuple[str, ...]:
        """The workload is meant as a whole."""
        return (*super().problems(), *wrong_pick(self.pick))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """Delete the object."""
        resource = "secrets" if self.secret else "configmaps"
        params = {"resource": resource, "name": self.config}
        return (clustered("config-remove", whole(self.service), "a delete request", params),)


inject = action(ConfigRemoved)
