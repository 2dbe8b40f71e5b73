"""What the pods' changes mean: strength, what happened to whom, and what the cluster did about it.

Pure bookkeeping over states, fed by a watch. The kubelet bears witness to its own restarts, and the
controllers to their replacements: a loss was detected when the API server shows it, and acted on
when a new pod of the same version appears, or the container runs again. A pod that nobody makes again
was not lost: its controller had too many, or rolls another version out.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import Healer, Strength, TargetSpec
from chaoskit.target.kubernetes.podstate import ContainerState, PodState
from chaoskit.target.kubernetes.witness import Moment, Whom, Witness

REPLACERS = "kubernetes-replicaset"
PROBES = "kubernetes-probe"


@dataclass
class PodCount:
    """The pods of a target. Thread-safe; `record` is called with the lock held, in order."""

    spec: TargetSpec
    record: Callable[[Mark], None]
    earliest_ns: Callable[[str], int | None] = lambda _stamp: None  # places a status's time
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _known: dict[str, PodState] = field(default_factory=dict, init=False)
    _begun: bool = field(default=False, init=False)  # what is there at first did not just happen
    _said: dict[str, int] = field(default_factory=dict, init=False)
    # Maker → the pods that it has lost and not made again yet, and when.
    _lost: dict[str, list[tuple[PodState, Moment]]] = field(default_factory=dict, init=False)
    _silent: bool = field(default=False, init=False)  # nobody tells: then nobody counts
    _killed: set[str] = field(default_factory=set, init=False)  # by a probe; not restarted yet
    _marks: Witness = field(init=False)

    def __post_init__(self) -> None:
        self._marks = Witness(self.spec, self.record)

    def listed(self, pods: Iterable[PodState], moment: Moment) -> None:
        """Everything that is there now: what differs from what was known happened in the gap."""
        with self._lock:
            seen = {one.uid: one for one in pods}
            if not self._begun:
                self._begun, self._known = True, seen
            for uid in [uid for uid in self._known if uid not in seen]:
                self._change(self._known[uid], None, moment)
            # What was known comes first: a loss is told before its replacement.
            for uid, one in sorted(seen.items(), key=lambda item: item[0] not in self._known):
                self._change(self._known.get(uid), one, moment)
            self._tell_strength(moment)

    def hear(self, pod: PodState, moment: Moment, *, gone: bool) -> None:
        """One change of one pod."""
        with self._lock:
            self._change(self._known.get(pod.uid), None if gone else pod, moment)
            self._tell_strength(moment)

    def silence(self, moment: Moment, *, silent: bool) -> None:
        """The server is not heard any more, or again: what nobody tells is not there."""
        with self._lock:
            if self._silent != silent:
                self._silent = silent
                self._tell_strength(moment)

    def killing(self, pod: str, moment: Moment) -> None:
        """An event said that a liveness or startup probe had a container killed."""
        with self._lock:
            state = next((one for one in self._known.values() if one.name == pod), None)
            if state is not None and state.uid not in self._killed:
                self._killed.add(state.uid)
                self._witness(MarkKind.ACTED, PROBES, state, moment, ("liveness", "startup"))

    def unhealthy(self, pod: str, probe: str, moment: Moment) -> None:
        """An event said that a probe failed."""
        with self._lock:
            state = next((one for one in self._known.values() if one.name == pod), None)
            if state is not None:
                self._witness(MarkKind.DETECTED, PROBES, state, moment, (probe,))

    def cannot_make(self, maker: str, moment: Moment) -> None:
        """An event said that a controller could not make a pod: what it lost, it has noticed."""
        with self._lock:
            for name, lost in self._lost.items():
                if name.partition(" ")[0] == maker:
                    for pod, when in lost:
                        since_ns = moment.at_ns - when.at_ns + when.resolution_ns
                        told = Moment(at_ns=moment.at_ns, resolution_ns=max(since_ns, 0))
                        self._witness(MarkKind.DETECTED, REPLACERS, pod, told)

    def put_back(self, workload: str) -> None:
        """We are about to give a workload its replicas back: its pods are no replacements."""
        with self._lock:
            for lost in self._lost.values():
                lost[:] = [one for one in lost if one[0].workload != workload]

    def node_lost(self, node: str, moment: Moment) -> None:
        """A node is not heard of: whoever replaces lost pods has noticed, and waits for it or not."""
        with self._lock:
            here = {one.workload: one for one in self._known.values() if one.node == node}
            for one in here.values():
                self._witness(MarkKind.DETECTED, REPLACERS, one, moment)

    def announce(self, moment: Moment) -> None:
        """Mark every workload's strength again, changed or not: a trial begins."""
        with self._lock:
            self._lost.clear()
            for one in self.spec.strengths:
                self.record(self._strength(one, self._have(one.service), moment))

    def strengths(self) -> dict[str, tuple[int, int]]:
        """Workload → (have, want), as known now."""
        with self._lock:
            return {
                one.service: (self._have(one.service), one.instances) for one in self.spec.strengths
            }

    def _change(self, before: PodState | None, after: PodState | None, moment: Moment) -> None:
        if before == after:
            return
        if after is None:
            assert before is not None
            self._known.pop(before.uid, None)
            self._killed.discard(before.uid)
            self._tell("gone", before, moment)
            if not before.terminating:
                self._loss(before, moment)
            return
        self._known[after.uid] = after
        if before is None:
            self._tell("created", after, moment)
            self._replacement(after, moment)
            return
        if after.terminating and not before.terminating:
            self._tell("terminating", after, moment)
            self._loss(after, moment)
        if after.phase != before.phase and after.phase in {"Failed", "Succeeded"}:
            self._tell(after.phase.lower(), after, moment)
            self._loss(after, moment)
        self._containers(before, after, moment)
        self._readiness(before, after, moment)

    def _containers(self, before: PodState, after: PodState, moment: Moment) -> None:
        old = {one.name: one for one in before.containers}
        for one in after.containers:
            was = old.get(one.name)
            if was is None:
                continue
            placed = self._placed(one, moment)
            if (was.running and not one.running) or (one.restarts > was.restarts and was.running):
                self._tell(f"die {one.reason}".strip(), after, placed)
                if after.uid not in self._killed:
                    self._witness(MarkKind.DETECTED, REPLACERS, after, placed)
            if one.running and (one.restarts > was.restarts or not was.running) and was.id:
                self._tell(f"restart {one.restarts}", after, moment)
                if after.uid not in self._killed:
                    self._witness(MarkKind.ACTED, REPLACERS, after, moment)
                self._killed.discard(after.uid)

    def _placed(self, one: ContainerState, moment: Moment) -> Moment:
        """An end has a time of its own, in whole seconds: it bounds when it was."""
        earliest = self.earliest_ns(one.ended_at) if one.ended_at else None
        if earliest is None or earliest >= moment.at_ns:
            return moment
        bound = moment.at_ns - earliest
        return Moment(at_ns=moment.at_ns, resolution_ns=max(bound, moment.resolution_ns))

    def _readiness(self, before: PodState, after: PodState, moment: Moment) -> None:
        if before.ready == after.ready:
            return
        self._tell("ready" if after.ready else "unready", after, moment)
        running = after.containers and all(one.running for one in after.containers)
        same = [one.id for one in before.containers] == [one.id for one in after.containers]
        # The pods of a lost node are unready too, and yet no probe of theirs has failed.
        if not after.ready and running and same and not after.terminating and _failing(after):
            self._witness(MarkKind.ACTED, PROBES, after, moment, ("readiness",))
        if after.ready and same and _failing(before):
            self._witness(MarkKind.RESTORED, PROBES, after, moment, ("readiness",))

    def _loss(self, pod: PodState, moment: Moment) -> None:
        if pod.owned:
            self._lost.setdefault(pod.maker, []).append((pod, moment))

    def _replacement(self, pod: PodState, moment: Moment) -> None:
        if lost := self._lost.get(pod.maker):
            before, when = lost.pop(0)
            self._witness(MarkKind.DETECTED, REPLACERS, before, when)
            self._witness(MarkKind.ACTED, REPLACERS, pod, moment)

    def _witness(
        self,
        mark: MarkKind,
        kind: str,
        pod: PodState,
        moment: Moment,
        probes: tuple[str, ...] = (),
    ) -> None:
        def asked(healer: Healer) -> bool:
            return not probes or str(healer.settings.get("probe", "liveness")) in probes

        whom = Whom(workload=pod.workload, instance=pod.name)
        self._marks.bear(mark, kind, whom, moment, asked)

    def _tell(self, what: str, pod: PodState, moment: Moment) -> None:
        whom = Whom(workload=pod.workload, instance=pod.name)
        self._marks.tell(what, whom, moment, {"node": pod.node} if pod.node else {})

    def _have(self, workload: str) -> int:
        if self._silent:
            return 0
        return sum(one.up for one in self._known.values() if one.workload == workload)

    def _tell_strength(self, moment: Moment) -> None:
        for want in self.spec.strengths:
            have = self._have(want.service)
            if self._said.get(want.service) != have:
                self._said[want.service] = have
                self.record(self._strength(want, have, moment))

    def _strength(self, want: Strength, have: int, moment: Moment) -> Mark:
        """What nobody tells is not there, and yet nobody has seen it go."""
        data = {"have": have, "want": want.instances, "by": "cluster"}
        return Mark(
            at_ns=moment.at_ns,
            kind=MarkKind.REDUNDANCY,
            source="cluster",
            service=want.service,
            detail="not counted" if self._silent else f"{have} of {want.instances}",
            resolution_ns=moment.resolution_ns,
            data={**data, "silent": True} if self._silent else data,
        )


def _failing(pod: PodState) -> bool:
    """Whether a container of it is not ready."""
    return not all(one.ready for one in pod.containers)
