"""Everybody who looks at a target in a cluster: watches of its pods, their events and their healers.

Pods and events are always watched. What else there is to hear depends on the healers that the target
declares: an account needs no right for a healer that is not there.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.faults import Operation
from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import TargetSpec
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.hearing import Hearing
from chaoskit.target.kubernetes.nodestate import NodeCount
from chaoskit.target.kubernetes.paths import NODES, apps, core, pods, scalers
from chaoskit.target.kubernetes.podcount import REPLACERS, PodCount
from chaoskit.target.kubernetes.podstate import pod_state
from chaoskit.target.kubernetes.rollouts import ROLLBACKS, RolloutCount
from chaoskit.target.kubernetes.scaling import SCALERS, ScaleCount
from chaoskit.target.kubernetes.watch import News, Watch
from chaoskit.target.kubernetes.witness import Moment, Whom, Witness, watched_kinds
from chaoskit.target.kubernetes.words import Words

BUDGETS = "kubernetes-pdb"
_MOST_EVENTS = 20_000  # whose counts are remembered

Item = dict[str, Any]
Take = Callable[[Item, Moment, bool], None]  # an object as it is now, and whether it is gone


@dataclass
class ClusterObservers:
    """The observers of one running target; `record` is called from several threads."""

    spec: TargetSpec
    api: Api
    namespace: str
    selector: str
    record: Callable[[Mark], None]
    words: Words | None = None  # what is read and asked, besides what is watched
    count: PodCount = field(init=False)
    _rollouts: RolloutCount = field(init=False)
    _scaling: ScaleCount = field(init=False)
    _nodes: NodeCount = field(init=False)
    _hearing: Hearing = field(init=False)
    _budgets: Witness = field(init=False)
    _watches: tuple[Watch, ...] = field(default=(), init=False)
    _heard: dict[str, int] = field(default_factory=dict, init=False)  # event → its count

    def __post_init__(self) -> None:
        self.count = PodCount(self.spec, self.record, self.api.offset.earliest_ns)
        self._rollouts = RolloutCount(self.spec, self.record)
        self._scaling = ScaleCount(self.spec, self.record)
        self._nodes = NodeCount(self.record, self.count.node_lost)
        self._hearing = Hearing(self.record)
        self._budgets = Witness(self.spec, self.record)

    def start(self) -> None:
        """Begin to look; every workload's strength is marked once. Raises EnvironmentUnfit."""
        try:
            self._watches = tuple(self._all())
            for one in self._watches:
                one.start()
            if self.words is not None:
                self.words.start()
        except (ApiError, ApiAway) as error:
            self.stop()
            message = f"{self.spec.title} cannot be watched: {error}"
            raise EnvironmentUnfit(message) from error

    def announce(self) -> None:
        """Mark every workload's strength as it is now: a trial begins."""
        self._rollouts.announce()
        self._scaling.announce()
        self._hearing.announce(_now_ns())
        self.count.announce(Moment(at_ns=_now_ns()))

    def put_back(self, operation: Operation) -> None:
        """We are about to undo this: what then changes is no healer's doing."""
        name, before = operation.instance.service, operation.params.get("before")
        if operation.kind == "rollout":
            self._rollouts.put_back(name)
        elif operation.kind == "scale" and isinstance(before, int):
            self.count.put_back(name)
            self._scaling.put_back(name, before)

    def held_up(self, operation: Operation) -> None:
        """A disruption budget has just refused an eviction: it noticed, and acted, at once."""
        whom = Whom(workload=operation.instance.service, instance=operation.instance.name)
        moment = Moment(at_ns=_now_ns())
        for mark in (MarkKind.DETECTED, MarkKind.ACTED):
            self._budgets.bear(mark, BUDGETS, whom, moment)

    def full(self) -> bool:
        """Whether every workload is at full strength, as far as was heard."""
        return all(have >= want for have, want in self.count.strengths().values())

    @property
    def events_heard(self) -> int:
        """How many different events were heard of, of late."""
        return len(self._heard)

    def stop(self) -> None:
        """Look no more. Idempotent."""
        for one in self._watches:
            one.stop()
        if self.words is not None:
            self.words.stop()

    def _all(self) -> Iterator[Watch]:
        kinds = watched_kinds(self.spec)
        yield self._watch(pods(self.namespace), self._pod, self._pods, selector=self.selector)
        yield self._watch(
            core("events", self.namespace),
            lambda news: self._event(news.item, _moment(news)),
            self._events,
        )
        if kinds & {ROLLBACKS, SCALERS}:
            yield self._following(apps("deployments", self.namespace), self._deployment)
        if ROLLBACKS in kinds:
            revisions = self._rollouts.replicaset
            path = apps("replicasets", self.namespace)
            yield self._following(path, lambda item, _moment, _gone: revisions(item))
        if SCALERS in kinds:
            yield self._following(apps("statefulsets", self.namespace), self._scaled)
            yield self._following(scalers(self.namespace), self._scaler)
        if REPLACERS in kinds:
            yield from self._node_watch()

    def _node_watch(self) -> Iterator[Watch]:
        """Nodes are the cluster's: who may not look at them sees a lost one by its pods alone."""
        if self.api.may("list", "nodes") and self.api.may("watch", "nodes"):
            yield self._following(NODES, self._nodes.node)
        else:
            self._note("nodes are not watched: our account may not list and watch them")

    def _watch(
        self,
        path: str,
        hear: Callable[[News], None],
        listed: Callable[[list[Item], int, int], None],
        selector: str = "",
    ) -> Watch:
        return Watch(
            api=self.api,
            path=path,
            selector=selector,
            hear=hear,
            listed=listed,
            note=self._note,
            deaf=partial(self._lost, path),
            heard=partial(self._found, path),
        )

    def _following(self, path: str, take: Take) -> Watch:
        """A watch of objects that are told one by one; what a list does not have any more is gone."""
        known: dict[str, Item] = {}

        def hear(news: News) -> None:
            gone = news.kind == "DELETED"
            known[_uid(news.item)] = news.item
            if gone:
                del known[_uid(news.item)]
            take(news.item, _moment(news), gone)

        def listed(items: list[Item], at_ns: int, gap_ns: int) -> None:
            moment = Moment(at_ns=at_ns, resolution_ns=gap_ns)
            here = {_uid(one): one for one in items}
            for uid in [uid for uid in known if uid not in here]:
                take(known.pop(uid), moment, True)
            known.update(here)
            for one in items:
                take(one, moment, False)

        return self._watch(path, hear, listed)

    def _lost(self, path: str, since_ns: int) -> None:
        now = _now_ns()
        self._hearing.lost(path, now, since_ns)
        if path == pods(self.namespace):
            self.count.silence(Moment(at_ns=now, resolution_ns=now - since_ns), silent=True)

    def _found(self, path: str) -> None:
        now = _now_ns()
        self._hearing.found(path, now)
        if path == pods(self.namespace):
            self.count.silence(Moment(at_ns=now), silent=False)

    def _deployment(self, item: Item, moment: Moment, gone: bool) -> None:
        self._rollouts.deployment(item, moment, gone=gone)
        self._scaled(item, moment, gone)

    def _scaled(self, item: Item, moment: Moment, gone: bool) -> None:
        self._scaling.workload(item, moment, gone=gone)

    def _scaler(self, item: Item, moment: Moment, gone: bool) -> None:
        self._scaling.scaler(item, moment, gone=gone)

    def _pods(self, items: list[Item], at_ns: int, gap_ns: int) -> None:
        states = tuple(map(pod_state, items))
        self.count.listed(states, Moment(at_ns=at_ns, resolution_ns=gap_ns))
        if self.words is not None:
            self.words.logs.listed(states, gap_ns)

    def _pod(self, news: News) -> None:
        state, gone = pod_state(news.item), news.kind == "DELETED"
        self.count.hear(state, _moment(news), gone=gone)
        if self.words is not None:
            logs = self.words.logs
            (logs.gone if gone else logs.changed)(state)

    def _events(self, items: list[Item], at_ns: int, gap_ns: int) -> None:
        if not gap_ns:  # what was said before we began is nobody's business
            self._heard.update((_uid(one), _times(one)) for one in items)
            return
        for one in items:
            self._event(one, Moment(at_ns=at_ns, resolution_ns=gap_ns))

    def _event(self, event: Item, moment: Moment) -> None:
        if self._heard.get(_uid(event), 0) >= _times(event):
            return
        if len(self._heard) > _MOST_EVENTS:
            self._heard.clear()
        self._heard[_uid(event)] = _times(event)
        about, words = event.get("involvedObject") or {}, str(event.get("message", ""))
        pod, reason = str(about.get("name")), event.get("reason")
        if reason == "FailedCreate":
            self.count.cannot_make(pod, moment)
        if about.get("kind") != "Pod":
            return
        if reason == "Unhealthy":
            self.count.unhealthy(pod, words.partition(" ")[0].lower(), moment)
        elif reason == "Killing" and "probe" in words:
            self.count.killing(pod, moment)

    def _note(self, words: str) -> None:
        self.record(Mark(at_ns=_now_ns(), kind=MarkKind.NOTE, source="cluster", detail=words))


def _moment(news: News) -> Moment:
    return Moment(at_ns=news.at_ns, resolution_ns=news.resolution_ns)


def _uid(event: Item) -> str:
    return str(event["metadata"]["uid"])


def _times(event: Item) -> int:
    """How often it happened: the server counts repeats on the same object."""
    series = event.get("series") or {}
    return int(series.get("count") or event.get("count") or 1)


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251  # run/clock is above us; the moment of a mark
