"""The HorizontalPodAutoscaler controller of a fake cluster, driven by a load that a test sets.

The load is what all pods of a workload have to bear together, in percent of what one pod requests:
300 is three pods at their request. It looks at an interval, bears a tenth more or less than wished,
remembers what it wanted for as long as the down window, and says what hinders it.
"""

import math
import time

from tests.cluster.owners import owned_by, ready
from tests.cluster.rollout import DEPLOYMENTS, RS
from tests.cluster.store import Refusal, stamp

HPAS = "autoscaling/v2/horizontalpodautoscalers"
_TOLERANCE = 0.1


class Autoscaler:
    """Looks at every HorizontalPodAutoscaler once in a period."""

    def __init__(self, store, period_s=0.5):
        self.store, self.period_s = store, period_s
        self.load = {}  # (namespace, workload) → percent of one pod's request; absent: no metric
        self.wanted = {}  # uid → [(when, replicas)]
        self.due = 0.0

    def look(self):
        """Do what is due."""
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + self.period_s
        for one in self.store.list(HPAS):
            self._reconcile(one)

    def _reconcile(self, one):
        meta, spec = one["metadata"], one["spec"]
        name = spec["scaleTargetRef"]["name"]
        target = self.store.find(DEPLOYMENTS, meta["namespace"], name)
        if target is None:
            self._tell(one, 0, 0, hindered=("AbleToScale", "FailedGetScale"))
            return
        current, least = target["spec"].get("replicas", 1), spec.get("minReplicas", 1)
        if current == 0 and least:
            self._tell(one, 0, 0, hindered=("ScalingActive", "ScalingDisabled"))
            return
        if current < least or current > spec["maxReplicas"]:
            desired = min(max(current, least), spec["maxReplicas"])
            why = f"Current number of replicas {'below' if current < least else 'above'} Spec.{'Min' if current < least else 'Max'}Replicas"
        elif (meta["namespace"], name) not in self.load:
            self._tell(one, current, current, hindered=("ScalingActive", "FailedGetResourceMetric"))
            return
        else:
            desired = self._by_load(one, target, current)
            why = "cpu resource utilization (percentage of request) above target"
        if desired != current:
            self._scale(target, desired)
            self._event(one, f"New size: {desired}; reason: {why}")
        self._tell(one, current, desired, scaled=desired != current)

    def _by_load(self, one, target, current):
        meta, spec = one["metadata"], one["spec"]
        goal = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
        load = self.load[meta["namespace"], target["metadata"]["name"]]
        sets = [each for each in self.store.list(RS, meta["namespace"]) if owned_by(each, target)]
        pods = [each for each in self.store.list("pods", meta["namespace"])
                if any(owned_by(each, owner) for owner in sets)]  # fmt: skip
        up = sum(map(ready, pods)) or 1
        ratio = load / up / goal
        desired = current if abs(ratio - 1) <= _TOLERANCE else math.ceil(ratio * up)
        desired = min(max(desired, spec.get("minReplicas", 1)), spec["maxReplicas"])
        window = ((spec.get("behavior") or {}).get("scaleDown") or {}).get(
            "stabilizationWindowSeconds", 300)  # fmt: skip
        now = time.monotonic()
        past = [each for each in self.wanted.get(meta["uid"], ()) if each[0] > now - window]
        self.wanted[meta["uid"]] = [*past, (now, desired)]
        least_down = max(each[1] for each in self.wanted[meta["uid"]])
        return desired if desired >= current else min(current, least_down)

    def _scale(self, target, desired):
        def change(item):
            item["spec"]["replicas"] = desired

        meta = target["metadata"]
        self.store.update(DEPLOYMENTS, meta["namespace"], meta["name"], change)

    def _tell(self, one, current, desired, *, scaled=False, hindered=None):
        conditions = [
            {"type": kind, "status": "False" if hindered and hindered[0] == kind else "True",
             "reason": hindered[1] if hindered and hindered[0] == kind else "ReadyForNewScale"}
            for kind in ("AbleToScale", "ScalingActive")
        ]  # fmt: skip

        def change(item):
            before = item.get("status") or {}
            item["status"] = {"currentReplicas": current, "desiredReplicas": desired,
                              "conditions": conditions}  # fmt: skip
            if scaled or "lastScaleTime" in before:
                item["status"]["lastScaleTime"] = stamp() if scaled else before["lastScaleTime"]

        meta = one["metadata"]
        try:
            self.store.update(HPAS, meta["namespace"], meta["name"], change)
        except Refusal:
            return  # it is gone

    def _event(self, one, message):
        meta = one["metadata"]
        self.store.create("events", meta["namespace"], {
            "apiVersion": "v1", "kind": "Event", "type": "Normal", "count": 1,
            "metadata": {"generateName": f"{meta['name']}."}, "reason": "SuccessfulRescale",
            "message": message, "lastTimestamp": stamp(),
            "involvedObject": {"kind": "HorizontalPodAutoscaler", "name": meta["name"],
                               "uid": meta["uid"]},
        })  # fmt: skip
