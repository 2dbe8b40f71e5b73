"""What is done to a workload as a whole: too few replicas, or a rollout that cannot work.

Whoever changed the workload meanwhile has healed it: what is not ours any more is not put back.
"""

from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.target.kubernetes import workload
from chaoskit.target.kubernetes.kind import ClusterKind, Right, Table
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state

_PATCH = tuple(Right("patch", one, "apps") for one in ("deployments", "statefulsets"))
_BROKEN = "chaoskit.invalid/broken"  # a name that no registry can have
_MARK = "chaoskit.dev/bad-rollout"
_NEVER = {"exec": {"command": ["/chaoskit-no-such-command"]}, "periodSeconds": 1}


def _scale_prepare(table: Table) -> dict[str, Any]:
    path, found = workload.find(table)
    before, to = int(found["spec"].get("replicas", 1)), int(table.params["to"])
    if "replicas" not in found["spec"]:
        message = f"{table.instance.service} has no number of replicas to change"
        raise FaultRefused(message)
    if to >= before:
        message = f"{table.instance.service} has {before} replicas, so {to} are not fewer"
        raise FaultRefused(message)
    return {"path": path, "before": before, "labels": workload.labels_of(found)}


def _scale(table: Table) -> None:
    table.api.patch(table.params["path"], {"spec": {"replicas": table.params["to"]}})


def _scaled(table: Table) -> tuple[bool, str]:
    if "path" not in table.params:
        return False, "nothing was done yet"
    found = table.api.find(table.params["path"])
    if found is None:
        return False, "the workload is gone"
    wanted, to = found["spec"].get("replicas"), table.params["to"]
    if wanted != to:
        return False, f"{wanted} replicas are wanted"
    up = sum(one.up for one in workload.states(table, table.params["labels"]))
    return up <= to, f"{wanted} replicas are wanted, {up} are ready"


def _rescale(table: Table) -> None:
    table.api.patch(table.params["path"], {"spec": {"replicas": table.params["before"]}})


def _scaled_or_meant(table: Table) -> tuple[bool, str]:
    """In effect from the proof on; still on as long as the number is ours."""
    on, words = _scaled(table)
    if on or "path" not in table.params:
        return on, words
    found = table.api.find(table.params["path"])
    ours = found is not None and found["spec"].get("replicas") == table.params["to"]
    return ours and bool(table.params.get("undoing")), words


def _rollout_prepare(table: Table) -> dict[str, Any]:
    path, found = workload.find(table)
    if found["kind"] == "DaemonSet":
        message = "a DaemonSet has no replicas that could stay as they were"
        raise FaultRefused(message)
    template = found["spec"]["template"]
    containers = template["spec"]["containers"]
    wanted = str(table.params.get("container") or containers[0]["name"])
    if wanted not in [one["name"] for one in containers]:
        names = ", ".join(one["name"] for one in containers)
        message = f"no container {wanted!r} in {table.instance.service}; there are: {names}"
        raise FaultRefused(message)
    bad = [_worse(one, str(table.params["how"])) if one["name"] == wanted else one
           for one in containers]  # fmt: skip
    return {"path": path, "containers": containers, "bad": bad,
            "labels": workload.labels_of(found)}  # fmt: skip


def _worse(container: dict[str, Any], how: str) -> dict[str, Any]:
    if how == "image":
        return {**container, "image": f"{_BROKEN}:{container['name']}", "imagePullPolicy": "Never"}
    return {**container, "readinessProbe": _NEVER}


def _roll(table: Table) -> None:
    _template(table, table.params["bad"], str(table.params["tag"]))


def _template(table: Table, containers: Any, mark: str | None) -> None:
    annotations = {_MARK: mark and "".join(one if one.isalnum() else "-" for one in mark)}
    body = {"metadata": {"annotations": annotations}, "spec": {"containers": containers}}
    table.api.patch(table.params["path"], {"spec": {"template": body}})


def _rolled(table: Table) -> tuple[bool, str]:
    if "path" not in table.params:
        return False, "nothing was done yet"
    found = table.api.find(table.params["path"])
    marks = found["spec"]["template"]["metadata"].get("annotations") or {} if found else {}
    if _MARK not in marks:
        return False, "the rollout is not ours any more" if found else "the workload is gone"
    if table.params.get("undoing"):
        return True, "the rollout is still ours"
    here, _ = table.api.items(pods(table.namespace), workload.selector(table.params["labels"]))
    mine = [pod_state(one) for one in here if _mark_of(one) == marks[_MARK]]
    bad = [one for one in mine if not one.terminating and _is_bad(one, str(table.params["how"]))]
    reasons = {each.reason for one in bad for each in one.containers if each.reason}
    words = f"{len(bad)} of {len(mine)} pods of the new version are as bad as they should be"
    return bool(bad), f"{words} {', '.join(sorted(reasons))}".strip()


def _mark_of(pod: dict[str, Any]) -> str | None:
    """Whose version a pod is of: a controller copies the template's annotations to its pods."""
    return (pod["metadata"].get("annotations") or {}).get(_MARK)


def _is_bad(pod: PodState, how: str) -> bool:
    """Whether it is its version that keeps it from being ready: every pod is unready at first."""
    if how == "image":
        return any("Image" in one.reason for one in pod.containers)
    return not pod.ready and bool(pod.containers) and all(one.running for one in pod.containers)


def _roll_back(table: Table) -> None:
    _template(table, table.params["containers"], None)


KINDS = {
    "scale": ClusterKind(
        prepare=_scale_prepare, do=_scale, check=_scaled_or_meant, undo=_rescale,
        rights=(*workload.RIGHTS, *_PATCH), proof_s=60.0,
    ),
    "rollout": ClusterKind(
        prepare=_rollout_prepare, do=_roll, check=_rolled, undo=_roll_back,
        rights=(*workload.RIGHTS, *_PATCH), proof_s=60.0,
    ),
}  # fmt: skip
