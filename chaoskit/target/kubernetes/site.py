"""A target in a cluster as the faults see it: the pods of its workloads, as they are now."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Instance
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state


@dataclass(frozen=True, kw_only=True)
class ClusterSite:
    """Looks everything up afresh. A pod that is on its way out is nobody to break once more."""

    api: Api
    namespace: str
    selector: str
    workloads: tuple[str, ...]

    def instances(self, service: str) -> Sequence[Instance]:
        """The pods of a workload. Raises FaultRefused for an unknown one."""
        found = [one.instance for one in self.pods() if one.workload == service]
        if found or service in self.workloads:
            return tuple(sorted(found, key=lambda one: one.name))
        message = f"no workload {service!r} here; there are: {', '.join(self.services())}"
        raise FaultRefused(message)

    def services(self) -> Sequence[str]:
        """The names of all workloads."""
        return tuple(sorted({*self.workloads, *(one.workload for one in self.pods())}))

    def pods(self) -> tuple[PodState, ...]:
        """Every pod of the target. Raises FaultRefused when the server does not say."""
        try:
            items, _ = self.api.items(pods(self.namespace), self.selector)
        except (ApiError, ApiAway) as error:
            message = f"the cluster does not say which pods there are: {error}"
            raise FaultRefused(message) from error
        return tuple(map(pod_state, items))
