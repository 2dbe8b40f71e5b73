"""The controllers of a fake cluster: what makes pods again, and takes away what nobody owns."""

import contextlib
import threading
import uuid
from functools import partial

from tests.cluster import endpoints, rollout
from tests.cluster.autoscaler import Autoscaler
from tests.cluster.nodelife import NodeLife
from tests.cluster.owners import owned_by, ready
from tests.cluster.owners import owner as owner_of
from tests.cluster.rollout import DEPLOYMENTS, RS
from tests.cluster.store import Refusal, matches

SETS = "apps/v1/statefulsets"


class Controllers:
    """One loop over everything; a change is acted on within a twentieth of a second."""

    def __init__(self, store, kubelet, slow_s=0.0):
        self.store, self.kubelet, self.slow_s = store, kubelet, slow_s
        self.idle = False  # nobody reconciles: what is lost stays lost
        self.nodes = NodeLife(store, kubelet)
        self.autoscaler = Autoscaler(store)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        store.admissions.append(self._quota)

    def start(self):
        self.thread.start()

    def close(self):
        self.stopping.set()
        self.thread.join(10)

    def _run(self):
        while not self.stopping.wait(0.05 + self.slow_s):
            self.nodes.look()
            self._namespaces()
            endpoints.follow(self.store)
            if self.idle:
                continue
            for resource, work in (
                (DEPLOYMENTS, partial(rollout.reconcile, self.store)),
                (RS, self._replicaset),
                (SETS, self._statefulset),
            ):
                for one in self.store.list(resource):
                    with contextlib.suppress(Refusal):
                        work(one)
            self.autoscaler.look()
            self._schedule()
            self._orphans()

    def _quota(self, resource, namespace, item):
        if resource != "pods":
            return
        for quota in self.store.list("resourcequotas", namespace):
            hard = quota["spec"]["hard"].get("pods")
            used = len(self.store.list("pods", namespace))
            if hard is not None and used >= int(hard):
                name = quota["metadata"]["name"]
                raise Refusal(403, "Forbidden", f"exceeded quota: {name}, used: pods={used}")

    def _namespaces(self):
        for one in self.store.list("namespaces"):
            if "deletionTimestamp" not in one["metadata"]:
                continue
            name = one["metadata"]["name"]
            with self.store.lock:
                inside = [key for key in self.store.objects if key[1] == name]
            for key in inside:
                with contextlib.suppress(Refusal):
                    self.store.delete(*key, {"gracePeriodSeconds": 0})
            if not inside:
                self.store.remove("namespaces", "", name)

    def _schedule(self):
        for pod in self.store.list("pods"):
            if pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
                continue
            node = self.store.find("nodes", "", self.kubelet.node)
            if node and not node["spec"].get("unschedulable") and not node["spec"].get("taints"):
                meta = pod["metadata"]

                def bind(item):
                    item["spec"]["nodeName"] = self.kubelet.node

                with contextlib.suppress(Refusal):
                    self.store.update("pods", meta["namespace"], meta["name"], bind)

    def _orphans(self):
        with self.store.lock:
            uids = {one["metadata"]["uid"] for one in self.store.objects.values()}
            orphans = [
                key
                for key, one in self.store.objects.items()
                if any(
                    owner["uid"] not in uids for owner in one["metadata"].get("ownerReferences", ())
                )
            ]
        for key in orphans:
            with contextlib.suppress(Refusal):
                self.store.delete(*key)

    def _replicaset(self, one):
        meta, spec = one["metadata"], one["spec"]
        pods = [each for each in self.store.list("pods", meta["namespace"]) if owned_by(each, one)]
        living = [
            each for each in pods
            if "deletionTimestamp" not in each["metadata"]
            and each.get("status", {}).get("phase") not in {"Failed", "Succeeded"}
        ]  # fmt: skip
        for _ in range(spec["replicas"] - len(living)):
            self._make(one, "ReplicaSet", f"{meta['name']}-{uuid.uuid4().hex[:5]}")
        for each in sorted(living, key=ready)[: max(0, len(living) - spec["replicas"])]:
            self.store.delete("pods", meta["namespace"], each["metadata"]["name"])

    def _statefulset(self, one):
        meta, spec = one["metadata"], one["spec"]
        wanted = spec.get("replicas", 1)
        names = [f"{meta['name']}-{number}" for number in range(wanted)]
        pods = {each["metadata"]["name"]: each for each in self.store.list("pods", meta["namespace"])
                if owned_by(each, one)}  # fmt: skip
        for name in names:
            if name not in pods:
                self._make(one, "StatefulSet", name)
                break
            if not ready(pods[name]) and spec.get("podManagementPolicy") != "Parallel":
                break
        extra = [name for name in pods if name not in names]
        for name in sorted(extra, reverse=True)[:1]:
            if "deletionTimestamp" not in pods[name]["metadata"]:
                self.store.delete("pods", meta["namespace"], name)
        up = sum(map(ready, pods.values()))

        def tell(item):
            item["status"] = {"replicas": len(pods), "readyReplicas": up}

        self.store.update(SETS, meta["namespace"], meta["name"], tell)

    def _make(self, owner, kind, name):
        template, meta = owner["spec"]["template"], owner["metadata"]
        body = {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": dict(template["metadata"]["labels"]),
                         "annotations": dict(template["metadata"].get("annotations") or {}),
                         "ownerReferences": [owner_of(owner, kind)]},
            "spec": dict(template["spec"]), "status": {"phase": "Pending"},
        }  # fmt: skip
        try:
            self.store.create("pods", meta["namespace"], body)
        except Refusal as refusal:
            if refusal.code == 403:
                with contextlib.suppress(Refusal):
                    self.store.create("events", meta["namespace"], {
                        "apiVersion": "v1", "kind": "Event", "type": "Warning",
                        "metadata": {"name": f"{meta['name']}.failed"},
                        "involvedObject": {"kind": kind, "name": meta["name"]},
                        "reason": "FailedCreate", "message": refusal.message,
                    })  # fmt: skip
            raise


def evict(controllers, namespace, name, body):
    """A PodDisruptionBudget that would be broken is a 429 that nobody should wait out."""
    store = controllers.store
    pod = store.get("pods", namespace, name)
    for budget in store.list("policy/v1/poddisruptionbudgets", namespace):
        selector = ",".join(
            f"{key}={one}" for key, one in budget["spec"]["selector"]["matchLabels"].items()
        )
        if not matches(pod, selector):
            continue
        group = [one for one in store.list("pods", namespace) if matches(one, selector)]
        healthy = sum(map(ready, group))
        spec = budget["spec"]
        least = int(spec["minAvailable"]) if "minAvailable" in spec else len(group) - int(
            spec["maxUnavailable"])  # fmt: skip
        if healthy - 1 < least:
            causes = [{"reason": "DisruptionBudget", "message": "The disruption budget needs more"}]
            raise Refusal(429, "TooManyRequests", "Cannot evict pod as it would violate the "
                          "pod's disruption budget.", causes)  # fmt: skip
    store.delete("pods", namespace, name, (body or {}).get("deleteOptions"))
    return 201, {"kind": "Status", "status": "Success"}
