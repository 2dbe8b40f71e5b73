"""A target in a namespace: applied, waited for, and taken away again.

A namespace of the run's own holds everything that the run makes, so that removing it removes all. In
one that existed before, nothing is made but what a fault needs, and nothing is removed but that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaoskit.errors import EnvironmentUnfit, LiftFailed
from chaoskit.model.marks import Mark
from chaoskit.model.target import TargetSpec
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.entrypoints import resolve
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.entry import NAMESPACE, addresses_of
from chaoskit.target.kubernetes.forward.handle import THROUGH, Forwarder
from chaoskit.target.kubernetes.nodeagent import NOT_OURS
from chaoskit.target.kubernetes.paths import NAMESPACES, core, of_object, pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state
from chaoskit.target.patience import Deadline, rest, wait_until
from chaoskit.target.readiness import asker_of

Progress = Callable[[str], None]

_FIRST = ("ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "PersistentVolumeClaim")
_LOOK_EVERY_S = 0.2
_REMOVAL_S = 120.0
_WORDS = 5


@dataclass
class ClusterStack:
    """One target of one run in a cluster."""

    spec: TargetSpec
    api: Api
    namespace: str
    labels: Mapping[str, str]
    record: Callable[[Mark], None] = lambda _mark: None  # of a port-forward's gaps
    entrypoints: dict[str, str] = field(default_factory=dict)
    forwarder: Forwarder | None = field(default=None, init=False)
    _started: dict[str, int] = field(default_factory=dict, init=False)  # workload → its replicas

    @property
    def own(self) -> bool:
        """Whether the namespace is the run's."""
        assert self.spec.cluster is not None
        return self.spec.cluster.own

    @property
    def selector(self) -> str:
        """What tells the target's pods from others in the namespace; not our helpers."""
        assert self.spec.cluster is not None
        return ",".join(filter(None, (self.spec.cluster.selector, NOT_OURS)))

    def start(self, objects: Sequence[Mapping[str, Any]], progress: Progress) -> None:
        """Apply the objects, and wait until the target serves at full strength.

        Raises EnvironmentUnfit with the pods' states and the cluster's last words.
        """
        self._started = {
            one["metadata"]["name"]: int(one["spec"]["replicas"])
            for one in objects
            if isinstance((one.get("spec") or {}).get("replicas"), int)
        }
        try:
            if self.own:
                progress(f"namespace {self.namespace}")
                self.api.create(NAMESPACES, _namespace(self.namespace, self.labels))
                for item in sorted(objects, key=lambda one: one["kind"] not in _FIRST):
                    self._apply(item)
            self._find_entrypoints()
            self._await_ready()
        except (ApiError, ApiAway) as error:
            message = f"{self.spec.title}: the cluster did not start it: {error}"
            raise EnvironmentUnfit(message) from error

    def attach(self) -> None:
        """Find the addresses of a target that stands. Raises EnvironmentUnfit."""
        try:
            self._find_entrypoints()
        except (ApiError, ApiAway) as error:
            message = f"{self.spec.title}: the cluster does not say how it is reached: {error}"
            raise EnvironmentUnfit(message) from error

    def _find_entrypoints(self) -> None:
        forwarded = self._forward()
        self.entrypoints = {
            NAMESPACE: self.namespace,
            **addresses_of(self.api, self.namespace, self.spec.entrypoints, forwarded),
        }

    def pods(self) -> tuple[PodState, ...]:
        """The target's pods now. Raises ApiError, ApiAway."""
        items, _ = self.api.items(pods(self.namespace), self.selector)
        return tuple(map(pod_state, items))

    def images(self) -> dict[str, str]:
        """Workload → what its first pod's containers run, as the node resolved it."""
        items, _ = self.api.items(pods(self.namespace), self.selector)
        found: dict[str, str] = {}
        for item in items:
            statuses = (item.get("status") or {}).get("containerStatuses") or ()
            told = [" ".join(filter(None, (one["image"], one.get("imageID")))) for one in statuses]
            found.setdefault(pod_state(item).workload, ", ".join(told))
        return found

    def missing(self, here: Sequence[PodState] | None = None) -> tuple[str, ...]:
        """What lacks for full strength: ready and not terminating, of the desired number.

        `here` are the pods, when they have just been asked for.
        """
        here = self.pods() if here is None else here
        found = []
        for one in self.spec.strengths:
            have = sum(each.up for each in here if each.workload == one.service)
            # An arm with a healer switched off may start fewer than full strength is.
            want = min(one.instances, self._started.get(one.service, one.instances))
            if have < want:
                found.append(f"{one.service} has {have} of {want} pods ready")
        return tuple(found)

    def rearm(self, timeout_s: float) -> bool:
        """Pods whose containers were restarted make room for new ones, which have no back-off.

        Whether the target came to full strength in time.
        """
        worn = [one for one in self.pods() if one.restarts and one.owned and not one.terminating]
        for one in worn:
            self.api.delete(pods(self.namespace, one.name), preconditions={"uid": one.uid})
        gone = {one.uid for one in worn}

        def renewed() -> bool:
            here = self.pods()
            return not self.missing(here) and not gone & {one.uid for one in here}

        return wait_until(renewed, timeout_s=timeout_s, every_s=_LOOK_EVERY_S)

    def down(self) -> None:
        """Take the run's own namespace away. Raises LiftFailed when it does not go."""
        if self.forwarder is not None:
            self.forwarder.close()
        if self.own:
            remove_namespace(self.api, self.namespace)

    def _forward(self) -> Mapping[str, int]:
        """Begin to forward what is entered so; name → local port."""
        through = [one for one in self.spec.entrypoints if one.through == THROUGH]
        if not through:
            return {}
        assert self.spec.cluster is not None
        self.forwarder = Forwarder.start(
            through,
            context=self.spec.cluster.context,
            namespace=self.namespace,
            record=self.record,
        )
        return self.forwarder.ports

    def _apply(self, item: Mapping[str, Any]) -> None:
        meta = {**item["metadata"]}
        meta["labels"] = {**(meta.get("labels") or {}), **self.labels}
        self.api.create(of_object(self.api, item, self.namespace), {**item, "metadata": meta})

    def _await_ready(self) -> None:
        deadline = Deadline(self.spec.ready_timeout_s)
        url = resolve(self.spec.ready_url, self.entrypoints)
        ask = asker_of(url, self.spec.ready_status)
        while True:
            missing = self.missing()
            ready, said = (False, "") if missing else ask()
            if ready or deadline.passed:
                break
            rest(_LOOK_EVERY_S)
        if ready:
            return
        reasons = missing or (f"{url} answers {said}",)
        message = (
            f"{self.spec.title}: not ready within {self.spec.ready_timeout_s:g} s: "
            f"{'; '.join(reasons)}{self._last_words()}"
        )
        raise EnvironmentUnfit(message)

    def _last_words(self) -> str:
        lines = [""]
        for one in self.pods():
            waits = ", ".join(each.reason for each in one.containers if each.reason)
            lines.append(f"  {one.name}: {one.phase}{f' ({waits})' if waits else ''}")
        events, _ = self.api.items(core("events", self.namespace))
        warned = [one for one in events if one.get("type") == "Warning"]
        lines += [f"    {one.get('reason')}: {one.get('message')}" for one in warned[-_WORDS:]]
        return "\n".join(lines)


def remove_namespace(api: Api, namespace: str) -> None:
    """Remove a namespace and wait until it is gone. Raises LiftFailed."""
    path = f"{NAMESPACES}/{namespace}"
    try:
        with api.politely():
            api.delete(path)
            gone = wait_until(
                lambda: api.find(path) is None, timeout_s=_REMOVAL_S, every_s=_LOOK_EVERY_S
            )
    except (ApiError, ApiAway) as error:
        message = f"the namespace {namespace} may still be there: {error}"
        raise LiftFailed(message) from error
    if not gone:
        message = f"the namespace {namespace} is still being removed after {_REMOVAL_S:g} s"
        raise LiftFailed(message)


def own_namespaces(api: Api, run_id: str) -> tuple[str, ...]:
    """The namespaces that a run made and that are still there. Raises ApiError, ApiAway."""
    items, _ = api.items(NAMESPACES, f"{RUN_LABEL}={run_id}")
    return tuple(str(one["metadata"]["name"]) for one in items)


def _namespace(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
