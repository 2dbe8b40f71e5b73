"""What is done by making or removing an object: policies, quotas, configuration, Chaos Mesh's own.

An object that exists proves nothing: a network plug-in that enforces no policy accepts every one of
them. So a policy is proven by a connection that worked before and does not any more, and a quota by
a pod that the server would not take.
"""

import base64
import json
from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.target.kubernetes import nodeagent, workload
from chaoskit.target.kubernetes.api import ApiError
from chaoskit.target.kubernetes.kind import ClusterKind, Right, Table
from chaoskit.target.kubernetes.paths import NoSuchKind, collection, core, of_object, pods
from chaoskit.target.kubernetes.podstate import pod_state

_POLICIES = "networkpolicies"
_GROUP = "networking.k8s.io"
_ALL = ("create", "get", "delete")


def name_of(table: Table) -> str:
    """The name of what an operation makes: its own."""
    return "chaoskit-" + "".join(one if one.isalnum() else "-" for one in table.params["tag"])


def _policy_path(table: Table, name: str = "") -> str:
    path = collection(f"{_GROUP}/v1", _POLICIES, table.namespace)
    return f"{path}/{name}" if name else path


def _policy_prepare(table: Table) -> dict[str, Any]:
    _, found = workload.find(table)
    labels = workload.labels_of(found)
    items, _ = table.api.items(pods(table.namespace), workload.selector(labels))
    running = [one for one in items if pod_state(one).up and one["status"].get("podIP")]
    if not running:
        message = f"{table.instance.service} has no ready pod with an address"
        raise FaultRefused(message)
    pod = running[0]
    port = table.params.get("port") or _first_port(pod)
    target = {"node": pod["spec"]["nodeName"], "address": pod["status"]["podIP"], "port": port}
    open_, words = _connects(table, target)
    if not open_:
        message = f"no connection to {table.instance.service} even without a policy: {words}"
        raise FaultRefused(message)
    return {**target, "labels": labels}


def _first_port(pod: Any) -> int:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            return int(port["containerPort"])
        web = (container.get("readinessProbe") or {}).get("httpGet") or {}
        if isinstance(web.get("port"), int):
            return int(web["port"])
    message = "which port shall be tried? No container says one: port: 8080"
    raise FaultRefused(message)


def _connects(table: Table, target: dict[str, Any]) -> tuple[bool, str]:
    words = (str(target["address"]), str(target["port"]))
    ended = table.agents.run(target["node"], nodeagent.CONNECT, *words)
    said = (ended.out + ended.err).strip()
    if ended.code not in {0, 1}:
        message = f"a connection could not be tried: {said}"
        raise FaultRefused(message)
    return ended.code == 0, said


def _policy(table: Table) -> None:
    ingress = table.params["direction"] == "in"
    body = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name_of(table), "labels": dict(table.agents.labels)},
        "spec": {
            "podSelector": {"matchLabels": table.params["labels"]},
            "policyTypes": ["Ingress"] if ingress else ["Ingress", "Egress"],
        },
    }
    table.api.create(_policy_path(table), body)


def _policed(table: Table) -> tuple[bool, str]:
    if "labels" not in table.params:
        return False, "nothing was done yet"
    if table.api.find(_policy_path(table, name_of(table))) is None:
        return False, "there is no policy of ours"
    if table.params.get("undoing"):
        return True, "the policy is still there"
    target = {key: table.params[key] for key in ("node", "address", "port")}
    open_, words = _connects(table, target)
    why = "the network plug-in does not enforce it" if open_ else words
    return (
        not open_,
        f"the policy is there, and a connection {'still works: ' + why if open_ else 'does not work any more'}",
    )


def _unpolice(table: Table) -> None:
    table.api.delete(_policy_path(table, name_of(table)))


def _quota_prepare(table: Table) -> dict[str, Any]:
    items, _ = table.api.items(pods(table.namespace))
    return {"used": len(items)}


def _quota(table: Table) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name_of(table), "labels": dict(table.agents.labels)},
        "spec": {"hard": {"pods": str(table.params.get("pods", 0))}},
    }
    table.api.create(core("resourcequotas", table.namespace), body)


def _exhausted(table: Table) -> tuple[bool, str]:
    if "used" not in table.params:
        return False, "nothing was done yet"
    if table.api.find(core("resourcequotas", table.namespace, name_of(table))) is None:
        return False, "there is no quota of ours"
    if table.params.get("undoing"):
        return True, "the quota is still there"
    refused = _refuses_a_pod(table)
    return bool(refused), refused or "the server would still take a pod"


def _refuses_a_pod(table: Table) -> str:
    """The server's words when it takes no more pods; nothing is made."""
    path = pods(table.namespace)
    try:
        table.api.request("POST", path, query={"dryRun": "All"}, body=_one_more())
    except ApiError as error:
        if error.status == 403 and "quota" in error.words:
            return f"the server takes no more pods: {error.words}"
        raise
    return ""


def _one_more() -> dict[str, Any]:
    container = {"name": "one", "image": "chaoskit.invalid/one"}
    metadata = {"name": "chaoskit-one-more"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": [container]}}  # fmt: skip


def _unquota(table: Table) -> None:
    table.api.delete(core("resourcequotas", table.namespace, name_of(table)))


def _config_path(table: Table) -> str:
    return core(table.params["resource"], table.namespace, table.params["name"])


def _kept_path(table: Table) -> str:
    return core("secrets", table.namespace, table.params["kept_in"])


def _config_prepare(table: Table) -> dict[str, Any]:
    if table.api.find(_config_path(table)) is None:
        message = f"there is no {table.params['name']} among the {table.params['resource']}"
        raise FaultRefused(message)
    return {"kept_in": name_of(table)}


def _unconfigure(table: Table) -> None:
    # What a Secret held must be in no lease and in no file of ours, so it stays a Secret.
    found = table.api.get(_config_path(table))
    meta = found["metadata"]
    kept = {key: meta[key] for key in ("name", "labels", "annotations") if key in meta}
    whole = json.dumps({**found, "metadata": kept}).encode()
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": table.params["kept_in"],
            "labels": {**table.agents.labels, nodeagent.ROLE: "kept"},
        },
        "data": {"object": base64.b64encode(whole).decode()},
    }
    table.api.create(core("secrets", table.namespace), body)
    table.api.delete(_config_path(table))


def _unconfigured(table: Table) -> tuple[bool, str]:
    if "kept_in" not in table.params:
        return False, "nothing was done yet"
    gone = table.api.find(_config_path(table)) is None
    return gone, f"{table.params['name']} is {'not there' if gone else 'there'}"


def _configure(table: Table) -> None:
    kept = table.api.find(_kept_path(table))
    if kept is None:
        message = (
            f"what {table.params['name']} held was kept in the Secret {table.params['kept_in']}, "
            "which somebody has removed: make it again by hand"
        )
        raise FaultRefused(message)
    whole = json.loads(base64.b64decode(kept["data"]["object"]))
    table.api.create(core(table.params["resource"], table.namespace), whole)


def _forget_config(table: Table) -> None:
    if "kept_in" in table.params:
        table.api.delete(_kept_path(table))


def _chaos_prepare(table: Table) -> dict[str, Any]:
    _, found = workload.find(table)
    item = _chaos(table, workload.labels_of(found))
    try:
        path = of_object(table.api, item, table.namespace)
    except NoSuchKind as error:
        message = f"{error}: Chaos Mesh is not installed"
        raise FaultRefused(message) from error
    return {"path": path, "object": item}


def _chaos(table: Table, labels: dict[str, str]) -> dict[str, Any]:
    spec = json.loads(table.params["spec"])
    chooser = {"namespaces": [table.namespace], "labelSelectors": labels}
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": table.params["chaos"],
        "metadata": {"name": name_of(table), "labels": dict(table.agents.labels)},
        "spec": {"mode": "all", **spec, "selector": chooser},
    }


def _mesh(table: Table) -> None:
    table.api.create(table.params["path"], table.params["object"])


def _meshed(table: Table) -> tuple[bool, str]:
    if "path" not in table.params:
        return False, "nothing was done yet"
    found = table.api.find(f"{table.params['path']}/{name_of(table)}")
    if found is None:
        return False, "Chaos Mesh knows nothing of it"
    if table.params.get("undoing"):
        return True, "Chaos Mesh is still taking it back"
    told = (found.get("status") or {}).get("conditions") or ()
    found_all = {one["type"]: one["status"] for one in told}
    chosen = found_all.get("Selected") == "True" and found_all.get("AllInjected") == "True"
    return chosen, f"Chaos Mesh says: {found_all or 'nothing yet'}"


def _unmesh(table: Table) -> None:
    table.api.delete(f"{table.params['path']}/{name_of(table)}")


_HELPER = (Right("create", "pods"), Right("create", "pods/exec"), Right("get", "pods/exec"))
KINDS = {
    "network-policy": ClusterKind(
        prepare=_policy_prepare, do=_policy, check=_policed, undo=_unpolice, on_node=True,
        rights=(*workload.RIGHTS, *_HELPER, *(Right(one, _POLICIES, _GROUP) for one in _ALL)),
        proof_s=15.0,
    ),
    "quota": ClusterKind(
        prepare=_quota_prepare, do=_quota, check=_exhausted, undo=_unquota,
        rights=(Right("create", "pods"), *(Right(one, "resourcequotas") for one in _ALL)),
    ),
    "config-remove": ClusterKind(
        prepare=_config_prepare, do=_unconfigure, check=_unconfigured, undo=_configure,
        forget=_forget_config,
        rights=tuple(Right(one, what) for what in ("configmaps", "secrets") for one in _ALL),
    ),
    "chaos-mesh": ClusterKind(
        prepare=_chaos_prepare, do=_mesh, check=_meshed, undo=_unmesh, proof_s=60.0,
        rights=(*workload.RIGHTS, *(Right(one, "*", "chaos-mesh.org") for one in _ALL)),
    ),
}  # fmt: skip
