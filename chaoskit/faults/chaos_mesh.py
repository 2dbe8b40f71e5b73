"""Fault `chaos_mesh`: what Chaos Mesh can do: network, I/O, time, stress, HTTP and DNS faults."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.clustered import clustered, whole, wrong_pick
from chaoskit.model.faults import Instance, Operation

KINDS = ("NetworkChaos", "IOChaos", "TimeChaos", "StressChaos", "HTTPChaos", "DNSChaos")


@dataclass(frozen=True, kw_only=True)
class ChaosMesh(HeldFault):
    """Apply a resource of Chaos Mesh to a workload's pods, where Chaos Mesh is installed.

    What: whatever `chaos` and `spec` say, in Chaos Mesh's own words.

    Mechanism: a custom resource whose selector is made of the workload's own labels, so that nothing
    else can be hit. Whether its kind is served is found by discovery. Proven by its conditions
    `Selected` and `AllInjected`.

    Undo: the resource is deleted, and waited for until Chaos Mesh has let it go.

    Limits: what Chaos Mesh calls injected is believed, since nothing here can look deeper. Network
    and HTTP faults are not felt through a port-forward: a target whose users come so is refused.
    """

    name = "chaos_mesh"
    family = "kubernetes"
    in_cluster = True
    needs = ("chaos-mesh",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "chaos": "NetworkChaos",
        "spec": {"action": "delay", "delay": {"latency": "100ms"}},
    }

    chaos: str  # NetworkChaos, IOChaos, TimeChaos, StressChaos, HTTPChaos or DNSChaos
    spec: dict[str, Any]  # as Chaos Mesh documents it, without the selector

    def problems(self) -> tuple[str, ...]:
        """The kind must be known, and the selector is ours."""
        return (*super().problems(), *wrong_pick(self.pick), *self._wrong_kind())

    def _wrong_kind(self) -> tuple[str, ...]:
        found = []
        if self.chaos not in KINDS:
            found.append(f"chaos: {self.chaos!r} is unknown; {', '.join(KINDS)}")
        if "selector" in self.spec:
            found.append("spec: the selector is made of the workload's labels; leave it out")
        return tuple(found)

    def felt_through(self, way: str) -> bool:
        """A port-forward ends inside the pod, behind what these two do to its traffic."""
        return way != "port-forward" or self.chaos not in {"NetworkChaos", "HTTPChaos"}

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One resource for the workload."""
        params = {"chaos": self.chaos, "spec": json.dumps(self.spec)}
        how = f"Chaos Mesh: {self.chaos}"
        return (clustered("chaos-mesh", whole(self.service), how, params),)


inject = action(ChaosMesh)
