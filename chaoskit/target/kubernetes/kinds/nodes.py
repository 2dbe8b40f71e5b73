"""What is done to a node: it takes no new pods, it is emptied, or its kubelet is silent.

A node is everybody's. It is found by a pod of the target that runs on it, and a drain evicts the
target's own pods and nobody else's.
"""

from collections.abc import Mapping
from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.target.kubernetes import nodeagent, workload
from chaoskit.target.kubernetes.api import ApiError
from chaoskit.target.kubernetes.kind import ClusterKind, Right, Table
from chaoskit.target.kubernetes.paths import node, pods
from chaoskit.target.kubernetes.podstate import pod_state
from chaoskit.target.patience import Deadline, rest

_MARK = "chaoskit.dev/fault"
_AGAIN_S = 1.0  # between two asks for what a disruption budget forbids
_NODES = (
    Right("get", "nodes", everywhere=True),
    Right("patch", "nodes", everywhere=True),
)
_EVICT = Right("create", "pods/eviction")


def _where(table: Table) -> dict[str, Any]:
    name = table.must_run().node
    found = table.api.get(node(name))
    if found["spec"].get("unschedulable"):
        message = f"the node {name} is cordoned already, by somebody else"
        raise FaultRefused(message)
    return {"node": name}


def _cordon(table: Table) -> None:
    body = {"metadata": {"annotations": {_MARK: str(table.params["tag"])}},
            "spec": {"unschedulable": True}}  # fmt: skip
    table.api.patch(node(table.params["node"]), body)


def _cordoned(table: Table) -> tuple[bool, str]:
    if "node" not in table.params:
        return False, "nothing was done yet"
    found = table.api.find(node(table.params["node"]))
    if found is None:
        return False, "the node is gone"
    ours = (found["metadata"].get("annotations") or {}).get(_MARK) == table.params["tag"]
    closed = bool(found["spec"].get("unschedulable"))
    return closed and ours, f"the node {'takes no pods' if closed else 'takes pods'}"


def _uncordon(table: Table) -> None:
    body = {"metadata": {"annotations": {_MARK: None}}, "spec": {"unschedulable": None}}
    table.api.patch(node(table.params["node"]), body)


def _drain_prepare(table: Table) -> dict[str, Any]:
    found = _where(table)
    items, _ = table.api.items(pods(table.namespace), nodeagent.NOT_OURS)
    here = [
        one
        for one in items
        if one["spec"].get("nodeName") == found["node"] and _leaves(one)
        and (table.params.get("whole") or pod_state(one).workload == table.instance.service)
    ]  # fmt: skip
    stuck = [one for one in here if _is_stuck(one)]
    if stuck and not table.params.get("force"):
        names = ", ".join(f"{one['metadata']['name']} ({_is_stuck(one)})" for one in stuck)
        message = f"a drain would lose {names}; if that is meant: force: true"
        raise FaultRefused(message)
    pairs = {one["metadata"]["name"]: one["metadata"]["uid"] for one in here}
    return {**found, "pods": pairs}


def _leaves(pod: Any) -> bool:
    owners = [one["kind"] for one in pod["metadata"].get("ownerReferences") or ()]
    return "DaemonSet" not in owners and "Node" not in owners


def _is_stuck(pod: Any) -> str:
    """Why an eviction would lose something for good."""
    if not pod["metadata"].get("ownerReferences"):
        return "nobody would make it again"
    volumes = pod["spec"].get("volumes") or ()
    return "it has an emptyDir" if any("emptyDir" in one for one in volumes) else ""


def _drain(table: Table) -> None:
    _cordon(table)
    _evict(table, table.params["pods"])


def _drained(table: Table) -> tuple[bool, str]:
    closed, words = _cordoned(table)
    if not closed or table.params.get("undoing"):
        return closed, words
    items, _ = table.api.items(pods(table.namespace), nodeagent.NOT_OURS)
    uids = set(table.params["pods"].values())
    left = [one for one in map(pod_state, items) if one.uid in uids and not one.terminating]
    return not left, f"{words}; {len(uids) - len(left)} of {len(uids)} pods were evicted"


def _evict(table: Table, uids: Mapping[str, str]) -> None:
    """Each of them: a budget lets the next one go when the last one is back."""
    deadline = Deadline(table.params["patience_s"])
    for name, uid in uids.items():
        told = False
        while True:
            try:
                _ask(table, name, uid)
                break
            except FaultRefused:
                if not told:
                    table.held_up()
                told = True
                if deadline.passed:
                    raise
                rest(_AGAIN_S)


def _ask(table: Table, name: str, uid: str) -> None:
    """Ask for an eviction. A disruption budget that forbids it is a refusal, with its words."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": table.namespace},
        "deleteOptions": {"preconditions": {"uid": uid}},
    }
    try:
        table.api.create(f"{pods(table.namespace, name)}/eviction", body)
    except ApiError as error:
        if error.status == 404:
            return
        if error.status == 429:
            causes = "; ".join(str(one.get("message")) for one in error.causes)
            message = f"a disruption budget does not let {name} go: {causes or error.words}"
            raise FaultRefused(message) from error
        raise


def _evict_prepare(table: Table) -> dict[str, Any]:
    table.must_run()
    return {}


def _evicted(table: Table) -> tuple[bool, str]:
    state = table.find()
    if state is None or state.terminating:
        return True, "the API server is evicting it"
    return False, state.phase


def _silence_prepare(table: Table) -> dict[str, Any]:
    found = {"node": table.must_run().node}
    table.agents.ready(found["node"])
    return found


def _silence(table: Table) -> None:
    seconds = str(table.params["seconds"])
    ended = table.agents.run(table.params["node"], nodeagent.SILENCE, seconds)
    if ended.code != 0:
        message = f"the kubelet was not stopped: {ended.err.strip() or ended.out.strip()}"
        raise FaultRefused(message)


def _silent(table: Table) -> tuple[bool, str]:
    if "node" not in table.params:
        return False, "nothing was done yet"
    found = table.api.find(node(table.params["node"]))
    if found is None:
        return False, "the node is gone"
    conditions = (found.get("status") or {}).get("conditions") or ()
    word = next((one["status"] for one in conditions if one["type"] == "Ready"), "Unknown")
    return word != "True", f"the node's Ready is {word}"


def _wait(_table: Table) -> None:
    """Nobody can reach a node whose kubelet is silent: it lets go by itself, and is waited for."""


_HELPER = (
    Right("create", "pods"),
    Right("delete", "pods"),
    Right("create", "pods/exec"),
    Right("get", "pods/exec"),
    Right("get", "nodes", everywhere=True),
)
KINDS = {
    "pod-evict": ClusterKind(
        prepare=_evict_prepare,
        do=lambda table: _evict(table, {table.instance.name: table.instance.id}),
        check=_evicted,
        undo=lambda _table: None,
        rights=(Right("get", "pods"), _EVICT),
    ),
    "node-cordon": ClusterKind(
        prepare=_where, do=_cordon, check=_cordoned, undo=_uncordon, rights=_NODES
    ),
    "node-drain": ClusterKind(
        prepare=_drain_prepare, do=_drain, check=_drained, undo=_uncordon,
        rights=(*_NODES, _EVICT, *workload.RIGHTS), proof_s=60.0,
    ),
    "node-silence": ClusterKind(
        prepare=_silence_prepare, do=_silence, check=_silent, undo=_wait, rights=_HELPER,
        on_node=True, proof_s=180.0, lasts="seconds",
    ),
}  # fmt: skip
