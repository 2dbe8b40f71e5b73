"""What is done to a pod through the API server: it is deleted."""

from typing import Any

from chaoskit.target.kubernetes.kind import ClusterKind, Right, Table, never_undone
from chaoskit.target.kubernetes.paths import pods


def _prepare(table: Table) -> dict[str, Any]:
    table.must_run()
    return {}


def _delete(table: Table) -> None:
    options: dict[str, Any] = {"preconditions": {"uid": table.instance.id}}
    if (grace := table.params.get("grace_s")) is not None:
        options["gracePeriodSeconds"] = grace
    table.api.delete(pods(table.namespace, table.instance.name), **options)


def _deleted(table: Table) -> tuple[bool, str]:
    state = table.find()
    if state is None:
        return True, f"the API server knows no pod {table.instance.id} any more"
    if state.terminating:
        return True, "the API server is deleting it"
    return False, f"{state.phase}, {'ready' if state.ready else 'not ready'}"


KINDS = {
    "pod-delete": ClusterKind(
        prepare=_prepare,
        do=_delete,
        check=_deleted,
        undo=never_undone,
        rights=(Right("get", "pods"), Right("delete", "pods")),
    )
}
