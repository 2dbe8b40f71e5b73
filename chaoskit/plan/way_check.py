"""Whether users of a target feel a fault, by the way on which they come: else `masked` would be a lie."""

from collections.abc import Mapping
from typing import Any

from chaoskit.faults.base import Fault
from chaoskit.model.target import Entrypoint, TargetSpec
from chaoskit.plan.manifests import WORKLOADS
from chaoskit.plan.scene import Scene
from chaoskit.plan.tree import Node


def check_way(fault: Fault, place: Node | None, scene: Scene) -> None:
    """Report a fault that goes past the users of the very workload that it is done to."""
    target = scene.target
    if target is None or target.cluster is None or target.cluster.prober is not None:
        return  # a prober in a pod comes by the cluster's own network
    hit = getattr(fault, "service", None)
    for entry in target.entrypoints:
        if not fault.felt_through(entry.through) and hit in _behind(entry, target):
            what = f"{fault.name} is not felt by users of {hit} who come by {entry.through}"
            hint = f"enter {entry.name} through a node port or an address"
            scene.report.add(place, what, hint)


def _behind(entry: Entrypoint, target: TargetSpec) -> set[str]:
    """The workloads behind an entrypoint; of a target that stands already, the one of its name."""
    assert target.cluster is not None
    found = {entry.service}
    objects = target.cluster.objects
    for one in objects:
        if one["kind"] == "Service" and one["metadata"]["name"] == entry.service:
            chosen: dict[str, str] = (one.get("spec") or {}).get("selector") or {}
            found |= {str(each["metadata"]["name"]) for each in objects if _is_chosen(each, chosen)}
    return found


def _is_chosen(item: Mapping[str, Any], chosen: Mapping[str, str]) -> bool:
    """Whether an object is a workload whose pods a selector chooses."""
    if item["kind"] not in WORKLOADS or not chosen:
        return False
    labels = (item["spec"]["template"].get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in chosen.items())
