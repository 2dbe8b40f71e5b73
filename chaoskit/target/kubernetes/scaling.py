"""What HorizontalPodAutoscalers do: what they want, what they scaled, and when that many were ready.

An autoscaler writes the workload's number first and its own status afterwards, and the two are told
by different watches. So a number that rose waits for the status that says whose doing it was, and a
wish waits for the number; what rose without any autoscaler's word is nobody's act. A number that we
put back ourselves, because a fault was lifted, is never one.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import TargetSpec
from chaoskit.target.kubernetes.witness import Moment, Whom, Witness

SCALERS = "kubernetes-hpa"

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaler:
    """One HorizontalPodAutoscaler as the API server tells it."""

    name: str
    workload: str
    current: int
    desired: int
    scaled_at: str  # its last act, whole seconds of the cluster's clock
    hindered: str = ""  # why it can tell or do nothing

    @property
    def wants_more(self) -> bool:
        """Whether it wants more pods than there are."""
        return self.desired > self.current


@dataclass
class ScaleCount:
    """The autoscalers of a target and their workloads. Thread-safe."""

    spec: TargetSpec
    record: Callable[[Mark], None]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _witness: Witness = field(init=False)
    _scalers: dict[str, Scaler] = field(default_factory=dict, init=False)  # by uid
    _wanted: dict[str, int] = field(default_factory=dict, init=False)  # workload → its replicas
    _rose: dict[str, Moment] = field(default_factory=dict, init=False)  # nobody has said why
    _asked: dict[str, int] = field(default_factory=dict, init=False)  # an autoscaler's wish
    _growing: dict[str, int] = field(default_factory=dict, init=False)  # not ready yet
    _ours: dict[str, int] = field(default_factory=dict, init=False)  # what a lift puts back

    def __post_init__(self) -> None:
        self._witness = Witness(self.spec, self.record)

    def announce(self) -> None:
        """A trial begins: what was in the air belongs to the one before."""
        with self._lock:
            for one in (self._rose, self._asked, self._growing, self._ours):
                one.clear()

    def put_back(self, workload: str, replicas: int) -> None:
        """We are about to set this number ourselves."""
        with self._lock:
            self._ours[workload] = replicas

    def workload(self, item: Object, moment: Moment, *, gone: bool = False) -> None:
        """A Deployment or StatefulSet as it is now."""
        name = str(item["metadata"]["name"])
        wanted = int((item.get("spec") or {}).get("replicas", 1))
        ready = int((item.get("status") or {}).get("readyReplicas") or 0)
        with self._lock:
            before = self._wanted.get(name)
            self._wanted[name] = wanted
            if gone:
                del self._wanted[name]
                return
            if before is not None and wanted != before:
                self._changed(name, before, wanted, moment)
            if ready >= self._growing.get(name, ready + 1):
                del self._growing[name]
                self._bear(MarkKind.RESTORED, name, moment)

    def scaler(self, item: Object, moment: Moment, *, gone: bool = False) -> None:
        """A HorizontalPodAutoscaler as it is now."""
        uid, now = str(item["metadata"]["uid"]), scaler_state(item)
        with self._lock:
            before = self._scalers.get(uid)
            self._scalers[uid] = now
            if gone:
                del self._scalers[uid]
            elif before is not None:
                self._compare(before, now, moment)

    def _changed(self, name: str, before: int, wanted: int, moment: Moment) -> None:
        whom = Whom(workload=name, instance=name)
        self._witness.tell(f"{before} replicas wanted, now {wanted}", whom, moment)
        self._rose.pop(name, None)
        if wanted < before:
            return
        if self._ours.get(name) == wanted:
            del self._ours[name]
        elif self._asked.get(name) == wanted:
            del self._asked[name]
            self._acted(name, wanted, moment)
        else:
            self._rose[name] = moment

    def _compare(self, before: Scaler, now: Scaler, moment: Moment) -> None:
        whom = Whom(workload=now.workload, instance=now.name)
        if now.hindered != before.hindered:
            self._witness.tell(now.hindered or "it can scale again", whom, moment)
        scaled = now.scaled_at != before.scaled_at
        rose = self._rose.get(now.workload)
        news = not before.wants_more or scaled or now.desired > before.desired
        if now.wants_more and news:
            self._up(now, rose, moment, scaled=scaled)
        elif scaled and rose is not None and self._wanted.get(now.workload) == now.desired:
            self._up(now, rose, moment, scaled=True)  # its wish was missed in a gap

    def _up(self, now: Scaler, rose: Moment | None, moment: Moment, *, scaled: bool) -> None:
        name, done = now.workload, self._wanted.get(now.workload) == now.desired
        if done and rose is not None:
            moment = rose  # it noticed before it acted, and the number was told first
            del self._rose[name]
        self._bear(MarkKind.DETECTED, name, moment)
        if done and (rose is not None or scaled):
            self._acted(name, now.desired, moment)
        else:
            self._asked[name] = now.desired

    def _acted(self, name: str, replicas: int, moment: Moment) -> None:
        self._growing[name] = replicas
        self._bear(MarkKind.ACTED, name, moment)

    def _bear(self, mark: MarkKind, name: str, moment: Moment) -> None:
        self._witness.bear(mark, SCALERS, Whom(workload=name, instance=name), moment)


def scaler_state(item: Object) -> Scaler:
    """A HorizontalPodAutoscaler's JSON, reduced."""
    status = item.get("status") or {}
    hindered = [
        f"{one['type']} is false: {one.get('reason', '')}"
        for one in status.get("conditions") or ()
        if one["type"] in {"AbleToScale", "ScalingActive"} and one["status"] == "False"
    ]
    return Scaler(
        name=str(item["metadata"]["name"]),
        workload=str(item["spec"]["scaleTargetRef"]["name"]),
        current=int(status.get("currentReplicas") or 0),
        desired=int(status.get("desiredReplicas") or 0),
        scaled_at=str(status.get("lastScaleTime") or ""),
        hindered="; ".join(hindered),
    )
