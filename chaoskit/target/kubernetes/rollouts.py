"""What becomes of a Deployment's rollouts: stuck, taken back, and done.

The controller only says that a rollout is stuck (its condition Progressing, ProgressDeadlineExceeded);
somebody else must take it back. That somebody is seen by what it does, whatever tool it is: the pod
template is what it was in an earlier revision. What we put back ourselves, because a fault was
lifted, is nobody's healing.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import TargetSpec
from chaoskit.target.kubernetes.podstate import HASH, controller_of
from chaoskit.target.kubernetes.witness import Moment, Whom, Witness

ROLLBACKS = "kubernetes-rollback"
REVISION = "deployment.kubernetes.io/revision"

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """A Deployment as the API server tells it."""

    template: str  # of its pods, as a fingerprint
    revision: str
    stuck: bool
    complete: bool


@dataclass
class RolloutCount:
    """The Deployments of a target. Thread-safe."""

    spec: TargetSpec
    record: Callable[[Mark], None]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _witness: Witness = field(init=False)
    _known: dict[str, Rollout] = field(default_factory=dict, init=False)
    _earlier: dict[str, set[str]] = field(default_factory=dict, init=False)  # templates, by name
    _taken_back: set[str] = field(default_factory=set, init=False)  # and not rolled out yet
    _ours: set[str] = field(default_factory=set, init=False)  # a lift is putting it back

    def __post_init__(self) -> None:
        self._witness = Witness(self.spec, self.record)

    def announce(self) -> None:
        """A trial begins: what was in the air belongs to the one before."""
        with self._lock:
            self._taken_back.clear()
            self._ours.clear()

    def put_back(self, workload: str) -> None:
        """We are about to take a rollout back ourselves."""
        with self._lock:
            self._ours.add(workload)

    def replicaset(self, item: Object) -> None:
        """A revision that there is, or was."""
        owner = controller_of(item["metadata"])
        if owner is not None and owner["kind"] == "Deployment":
            with self._lock:
                found = self._earlier.setdefault(str(owner["name"]), set())
                found.add(fingerprint(item["spec"]["template"]))

    def deployment(self, item: Object, moment: Moment, *, gone: bool = False) -> None:
        """A Deployment as it is now."""
        name, now = str(item["metadata"]["name"]), rollout_state(item)
        with self._lock:
            before = self._known.get(name)
            self._known[name] = now
            if gone:
                del self._known[name]
            elif before is not None:
                self._compare(name, before, now, moment)
            self._earlier.setdefault(name, set()).add(now.template)

    def _compare(self, name: str, before: Rollout, now: Rollout, moment: Moment) -> None:
        if now.template != before.template:
            self._changed(name, now, moment)
        if now.revision != before.revision:
            self._tell(f"revision {now.revision}", name, moment)
        if now.stuck and not before.stuck:
            self._tell("the rollout is stuck: ProgressDeadlineExceeded", name, moment)
            self._bear(MarkKind.DETECTED, name, moment)
        if now.complete and now.template == before.template and name in self._taken_back:
            self._taken_back.discard(name)
            self._bear(MarkKind.RESTORED, name, moment)

    def _changed(self, name: str, now: Rollout, moment: Moment) -> None:
        self._taken_back.discard(name)
        if now.template not in self._earlier.get(name, set()):
            self._tell("another pod template", name, moment)
            return
        self._tell("the pod template of an earlier revision", name, moment)
        if name in self._ours:
            self._ours.discard(name)
        else:
            self._taken_back.add(name)
            self._bear(MarkKind.ACTED, name, moment)

    def _tell(self, what: str, name: str, moment: Moment) -> None:
        self._witness.tell(what, Whom(workload=name, instance=name), moment)

    def _bear(self, mark: MarkKind, name: str, moment: Moment) -> None:
        self._witness.bear(mark, ROLLBACKS, Whom(workload=name, instance=name), moment)


def rollout_state(item: Object) -> Rollout:
    """A Deployment's JSON, reduced."""
    meta, status = item["metadata"], item.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    progressing = conditions.get("Progressing") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(meta.get("generation") or 0)
    reason = progressing.get("reason")
    return Rollout(
        template=fingerprint(item["spec"]["template"]),
        revision=str((meta.get("annotations") or {}).get(REVISION, "")),
        stuck=progressing.get("status") == "False" and reason == "ProgressDeadlineExceeded",
        complete=seen and reason == "NewReplicaSetAvailable",
    )


def fingerprint(template: Object) -> str:
    """A pod template, without the label by which the controller tells its ReplicaSets apart."""
    meta = template.get("metadata") or {}
    labels = {key: one for key, one in (meta.get("labels") or {}).items() if key != HASH}
    # An empty annotation map and none at all are the same template.
    annotations = meta.get("annotations") or None
    same = {**template, "metadata": {"labels": labels, "annotations": annotations}}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
