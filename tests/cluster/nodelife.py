"""The node lifecycle controller of a fake cluster: what becomes of the pods of a node that is silent.

After the grace period the node's Ready is Unknown and its pods are not ready, so that no Service
sends anybody there; a taint then evicts every pod that has tolerated it for long enough.
"""

import contextlib
import time

from tests.cluster.store import Refusal, stamp

TAINT = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
_TOLERATED_S = 300  # what admission gives a pod that says nothing


class NodeLife:
    """One node, told by its kubelet."""

    def __init__(self, store, kubelet, grace_s=1.5):
        self.store, self.kubelet, self.grace_s = store, kubelet, grace_s
        self.silent_since = None

    def look(self):
        """Do what is due."""
        alive, now = self.kubelet.alive(), time.monotonic()
        if alive:
            self.silent_since = None
        elif self.silent_since is None:
            self.silent_since = now
        lost_s = 0 if alive else now - self.silent_since - self.grace_s
        if not alive and lost_s <= 0:
            return
        with contextlib.suppress(Refusal):
            self._node(lost=not alive)
        if not alive:
            for pod in self.store.list("pods"):
                if pod["spec"].get("nodeName") == self.kubelet.node:
                    with contextlib.suppress(Refusal):
                        self._pod(pod, lost_s)

    def _node(self, *, lost):
        word = "Unknown" if lost else "True"

        def change(node):
            (ready,) = node["status"]["conditions"]
            if ready["status"] != word:
                ready.update(status=word, lastTransitionTime=stamp())
            taints = [one for one in node["spec"].get("taints", ()) if one["key"] != TAINT["key"]]
            node["spec"]["taints"] = [*taints, *([dict(TAINT)] if lost else [])]

        self.store.update("nodes", "", self.kubelet.node, change)

    def _pod(self, pod, lost_s):
        meta = pod["metadata"]

        def unready(item):
            for one in (item.get("status") or {}).get("conditions", ()):
                if one["type"] == "Ready" and one["status"] == "True":
                    one.update(status="False", reason="NodeNotReady", lastTransitionTime=stamp())

        self.store.update("pods", meta["namespace"], meta["name"], unready)
        if "deletionTimestamp" not in meta and lost_s > tolerated_s(pod):
            self.store.delete("pods", meta["namespace"], meta["name"])


def tolerated_s(pod):
    """For how long a pod bears the taint."""
    for one in pod["spec"].get("tolerations") or ():
        if one.get("key") == TAINT["key"]:
            return one.get("tolerationSeconds", float("inf"))
    return _TOLERATED_S
