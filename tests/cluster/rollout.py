"""The Deployment controller of a fake cluster: revisions, steps, and a deadline for progress.

As the real one it only says that a rollout is stuck; nobody takes it back. A template that was there
before finds its ReplicaSet again, which becomes the newest revision.
"""

import hashlib
import json
from datetime import UTC, datetime

from tests.cluster.owners import owned_by, owner, ready
from tests.cluster.store import stamp

RS, DEPLOYMENTS = "apps/v1/replicasets", "apps/v1/deployments"
REVISION = "deployment.kubernetes.io/revision"


def reconcile(store, one):
    """Bring one Deployment a step further, and tell of it in its status."""
    meta, spec = one["metadata"], one["spec"]
    sets = [each for each in store.list(RS, meta["namespace"]) if owned_by(each, one)]
    current, fresh = _current(store, one, sets)
    old = [each for each in sets if each["metadata"]["uid"] != current["metadata"]["uid"]]
    _roll(store, one, current, old)
    pods = [each for each in store.list("pods", meta["namespace"])
            if any(owned_by(each, owner) for owner in (*old, current))]  # fmt: skip
    up = sum(map(ready, pods))
    updated = sum(owned_by(each, current) for each in pods)
    before = one.get("status") or {}
    status = {"replicas": len(pods), "readyReplicas": up, "availableReplicas": up,
              "updatedReplicas": updated, "observedGeneration": meta.get("generation", 1)}  # fmt: skip
    new_up = sum(ready(each) and owned_by(each, current) for each in pods)
    wanted = spec.get("replicas", 1)
    done = updated == len(pods) == new_up == wanted
    status["conditions"] = _conditions(spec, before, status, done=done, fresh=fresh)

    def tell(item):
        item["status"] = status
        number = current["metadata"]["annotations"][REVISION]
        item["metadata"].setdefault("annotations", {})[REVISION] = number

    store.update(DEPLOYMENTS, meta["namespace"], meta["name"], tell)


def _current(store, one, sets):
    """The ReplicaSet of the template as it is now, and whether it has just become the newest."""
    meta, spec = one["metadata"], one["spec"]
    pod = spec["template"]
    meta_of_pod = {key: each for key, each in pod["metadata"].items() if each}  # {} is not there
    template = json.dumps({**pod, "metadata": meta_of_pod}, sort_keys=True)
    suffix = hashlib.sha256(template.encode()).hexdigest()[:9]
    name = f"{meta['name']}-{suffix}"
    newest = max((int(each["metadata"]["annotations"][REVISION]) for each in sets), default=0)
    found = next((each for each in sets if each["metadata"]["name"] == name), None)
    if found is not None and int(found["metadata"]["annotations"][REVISION]) == newest:
        return found, False
    if found is not None:

        def renew(item):
            item["metadata"]["annotations"][REVISION] = str(newest + 1)

        return store.update(RS, meta["namespace"], name, renew), True
    labels = {**pod["metadata"]["labels"], "pod-template-hash": suffix}
    body = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "labels": labels, "annotations": {REVISION: str(newest + 1)},
                     "ownerReferences": [owner(one, "Deployment")]},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels},
                 "template": {**pod, "metadata": {**pod["metadata"], "labels": labels}}},
    }  # fmt: skip
    return store.create(RS, meta["namespace"], body), True


def _conditions(spec, before, now, *, done, fresh):
    """Progressing, with its last progress in whole seconds, as the controller counts it."""
    told = {one["type"]: one for one in before.get("conditions") or ()}
    was = told.get("Progressing") or {}
    old, past = now["replicas"] - now["updatedReplicas"], before.get("replicas", 0) - before.get(
        "updatedReplicas", 0)  # fmt: skip
    progress = fresh or old < past or any(
        now[key] > before.get(key, 0)
        for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )  # fmt: skip
    deadline = spec.get("progressDeadlineSeconds", 600)
    since = was.get("lastUpdateTime", stamp())
    late = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() > deadline
    if done:
        status, reason = "True", "NewReplicaSetAvailable"
    elif progress or not was:
        status, reason, since = "True", "ReplicaSetUpdated", stamp()
    elif was["reason"] == "NewReplicaSetAvailable" or not late:
        status, reason = was["status"], was["reason"]
    else:
        status, reason = "False", "ProgressDeadlineExceeded"
    if was.get("reason") != reason:
        since = stamp()
    progressing = {"type": "Progressing", "status": status, "reason": reason,
                   "lastUpdateTime": since}  # fmt: skip
    enough = now["availableReplicas"] >= spec.get("replicas", 1) - _room(spec)[0]
    word, why = ("True", "MinimumReplicasAvailable") if enough else ("False",
                 "MinimumReplicasUnavailable")  # fmt: skip
    return [{"type": "Available", "status": word, "reason": why}, progressing]


def _room(spec):
    """How many may be missing, and how many there may be too many."""
    wanted = spec.get("replicas", 1)
    strategy = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    return (_share(strategy.get("maxUnavailable", "25%"), wanted, up=False),
            _share(strategy.get("maxSurge", "25%"), wanted, up=True))  # fmt: skip


def _roll(store, one, current, old):
    """All at once when nothing was there before, else step by step, as the strategy says."""
    namespace, wanted = one["metadata"]["namespace"], one["spec"].get("replicas", 1)
    unavailable, surge = _room(one["spec"])
    kept = sum(each["spec"]["replicas"] for each in old)
    if not kept:
        _scale(store, namespace, current, wanted)
        return
    pods = store.list("pods", namespace)
    new_ready = sum(ready(each) and owned_by(each, current) for each in pods)
    have = current["spec"]["replicas"]
    room = wanted + surge - kept - have
    if have > wanted or room > 0:
        _scale(store, namespace, current, min(wanted, have + max(room, 0)))
    spare = kept + new_ready - (wanted - unavailable)
    for each in old:
        less = min(each["spec"]["replicas"], max(spare, 0))
        if less:
            _scale(store, namespace, each, each["spec"]["replicas"] - less)
            spare -= less


def _scale(store, namespace, replicaset, count):
    def change(item):
        item["spec"]["replicas"] = count

    store.update(RS, namespace, replicaset["metadata"]["name"], change)


def _share(value, of, *, up):
    if isinstance(value, int):
        return value
    exact = of * int(value.rstrip("%")) / 100
    return int(-(-exact // 1)) if up else int(exact)
