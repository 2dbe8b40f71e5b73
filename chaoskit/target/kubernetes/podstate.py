"""What of a pod matters: whose it is, whether it serves, and how often its containers began anew.

Redundancy is ready and not terminating. `Running` says nothing about serving, and a pod that is
being deleted stays ready for a while; chaostoolkit-kubernetes counts both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoskit.model.faults import Instance

Object = Mapping[str, Any]

HASH = "pod-template-hash"  # a label of whatever a ReplicaSet owns
_REVISION = "controller-revision-hash"  # the same, of a StatefulSet's and a DaemonSet's


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerState:
    """One container of a pod."""

    name: str
    id: str  # without the runtime's prefix; "" while there is none
    running: bool
    restarts: int
    ready: bool = False
    ended_at: str = ""  # of the last end, in the node's time, whole seconds
    reason: str = ""  # why it waits, or ended


@dataclass(frozen=True, kw_only=True, slots=True)
class PodState:
    """One pod as the API server tells it; a thousand of them are small."""

    uid: str
    name: str
    workload: str  # the Deployment, StatefulSet, DaemonSet or Job above it; else its own name
    node: str
    phase: str
    ready: bool
    terminating: bool
    owned: bool
    maker: str = ""  # the object that made it, and the version of its template
    containers: tuple[ContainerState, ...] = ()

    @property
    def up(self) -> bool:
        """Whether it counts for redundancy."""
        return self.ready and not self.terminating and self.phase == "Running"

    @property
    def restarts(self) -> int:
        """Restarts of all its containers."""
        return sum(one.restarts for one in self.containers)

    @property
    def instance(self) -> Instance:
        """The pod as a fault knows it."""
        running = self.phase == "Running" and not self.terminating
        return Instance(id=self.uid, name=self.name, service=self.workload, pid=0, running=running)


def pod_state(pod: Object) -> PodState:
    """A pod's JSON, reduced."""
    meta, status = pod["metadata"], pod.get("status") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    return PodState(
        uid=str(meta["uid"]),
        name=str(meta["name"]),
        workload=workload_of(pod),
        node=str(pod.get("spec", {}).get("nodeName") or ""),
        phase=str(status.get("phase", "Pending")),
        ready=conditions.get("Ready") == "True",
        terminating="deletionTimestamp" in meta,
        owned=controller_of(meta) is not None,
        maker=_maker(meta),
        containers=tuple(map(_container, status.get("containerStatuses") or ())),
    )


def workload_of(pod: Object) -> str:
    """The name of what a person deployed. A ReplicaSet's is its Deployment's and a hash."""
    meta = pod["metadata"]
    owner = controller_of(meta)
    if owner is None:
        return str(meta["name"])
    name, suffix = str(owner["name"]), str((meta.get("labels") or {}).get(HASH, ""))
    if owner["kind"] == "ReplicaSet" and suffix:
        return name.removesuffix(f"-{suffix}")
    return name


def _maker(meta: Object) -> str:
    owner, labels = controller_of(meta), meta.get("labels") or {}
    version = labels.get(HASH) or labels.get(_REVISION) or ""
    return f"{owner['name']} {version}" if owner is not None else ""


def controller_of(meta: Object) -> Object | None:
    """The one owner that manages an object, if any."""
    owners = meta.get("ownerReferences") or ()
    return next((one for one in owners if one.get("controller")), None)


def _container(status: Object) -> ContainerState:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    why = (state.get("waiting") or state.get("terminated") or {}).get("reason", "")
    return ContainerState(
        name=str(status["name"]),
        id=str(status.get("containerID") or "").rpartition("://")[2],
        running="running" in state,
        restarts=int(status.get("restartCount") or 0),
        ready=bool(status.get("ready")),
        ended_at=str(ended.get("finishedAt") or ""),
        reason=str(why),
    )
