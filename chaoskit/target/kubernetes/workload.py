"""A workload as an object: where it is, and what selects its pods."""

from collections.abc import Mapping
from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.target.kubernetes.kind import Right, Table
from chaoskit.target.kubernetes.paths import apps, pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state

PLURALS = ("deployments", "statefulsets", "daemonsets")
RIGHTS = tuple(Right("get", one, "apps") for one in PLURALS)


def find(table: Table) -> tuple[str, dict[str, Any]]:
    """(path, object) of the operation's workload. Raises FaultRefused when there is none."""
    name = table.instance.service
    for plural in PLURALS:
        path = apps(plural, table.namespace, name)
        if (found := table.api.find(path)) is not None:
            return path, found
    message = f"no Deployment, StatefulSet or DaemonSet {name!r} in {table.namespace}"
    raise FaultRefused(message)


def labels_of(workload: Mapping[str, Any]) -> dict[str, str]:
    """The labels that select its pods. Raises FaultRefused for what is more than labels."""
    selector = workload["spec"]["selector"]
    if selector.get("matchExpressions") or not selector.get("matchLabels"):
        message = f"{workload['metadata']['name']} selects its pods by expressions, not labels"
        raise FaultRefused(message)
    return dict(selector["matchLabels"])


def states(table: Table, labels: Mapping[str, str]) -> tuple[PodState, ...]:
    """The workload's pods as they are now."""
    items, _ = table.api.items(pods(table.namespace), selector(labels))
    return tuple(map(pod_state, items))


def selector(labels: Mapping[str, str]) -> str:
    """Labels as a selector."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
