"""Everybody who looks at a running target from outside, and the one notebook they write to.

Engine events, logs and endpoints are watched by threads of their own that mostly wait; what they
see becomes marks with the time at which it happened, not the time at which it was seen.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.marks import NS, Mark
from chaoskit.model.target import Strength, TargetSpec
from chaoskit.target.engine import connect
from chaoskit.target.events import Event, EventStream, Reading
from chaoskit.target.facts import Facts
from chaoskit.target.logs import Books, Line, LogFollower, Witnesses
from chaoskit.target.patience import Deadline
from chaoskit.target.polling import Edges, Polled, Poller, pollers
from chaoskit.target.strength import counted, full, instance_states
from chaoskit.target.tracker import Tracker

_LOOK_PERIOD_S = 0.5
_STOP_S = 0.25
_SILENT_PERIODS = 3  # an endpoint that missed so many answers
_SILENT_LEAST_NS = NS // 2  # and was silent for so long counts no instance


@dataclass
class Observers:
    """The observers of one running target.

    `record` is called from several threads, one at a time. `wall_to_mono` places the engine's wall
    clock on the axis of `now_ns`. Marks of what happened before `start` are left out.
    """

    spec: TargetSpec
    project: str
    entrypoints: Mapping[str, str]
    record: Callable[[Mark], None] = field(kw_only=True)
    logs_folder: Path = field(kw_only=True)
    now_ns: Callable[[], int] = field(kw_only=True)
    wall_to_mono: Callable[[int], int] = field(kw_only=True)
    _writing: threading.Lock = field(default_factory=threading.Lock, init=False)
    _facts: Facts = field(default_factory=Facts, init=False)
    _tracker: Tracker = field(init=False)
    _started_ns: int = field(default=0, init=False)
    _books: Books = field(init=False)
    _witnesses: Witnesses = field(init=False)
    _reading: Reading = field(init=False)
    _events: EventStream = field(init=False)
    _followers: dict[str, LogFollower] = field(default_factory=dict, init=False)
    _following: threading.Lock = field(default_factory=threading.Lock, init=False)
    _pollers: list[Poller] = field(default_factory=list, init=False)
    _sweep: threading.Thread | None = field(default=None, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        facts = self._facts
        self._tracker = Tracker(
            self.spec.strengths, self._write, lambda one: facts.of(one).health_checked
        )
        self._witnesses = Witnesses(self.spec, self.wall_to_mono)
        self._reading = Reading(
            self.spec, self.project, self.wall_to_mono, lambda one: facts.of(one).restarted
        )

    def start(self) -> None:
        """Begin to look; every service's strength is marked once. Raises EnvironmentUnfit."""
        self._started_ns = self.now_ns()
        self._books = Books(self.logs_folder)
        with contextlib.closing(connect()) as client:
            here = instance_states(client, self.project)
            for one in here:
                self._facts.learn(client, one.id)
        self._tracker.begin(here, self.now_ns())
        for one in here:
            self._reading.adopt(one)
            self._follow(one.id, one.service, one.name)
        # From the moment before the first look, so that nothing falls between the two.
        engine_now_ns = self._started_ns - self.wall_to_mono(0)
        self._events = EventStream(engine_now_ns, self._hear_event)
        self._pollers = list(pollers(self._polled(), self.entrypoints, self.now_ns))
        self._sweep = threading.Thread(target=self._look_again, name="engine-look", daemon=True)
        for thread in (self._events, self._sweep, *self._pollers):
            thread.start()

    def stop(self) -> None:
        """End every thread, at once; a thread that does not come is left to end by itself."""
        if self._sweep is None:
            return
        self._stopping.set()
        with self._following:
            followers = list(self._followers.values())
        listeners: list[EventStream | Poller | LogFollower] = [
            self._events,
            *self._pollers,
            *followers,
        ]
        for one in listeners:
            one.close()
        deadline = Deadline(_STOP_S)
        for thread in (*listeners, self._sweep):
            thread.join(deadline.left_s)
        self._books.close()

    def strength(self) -> Mapping[str, tuple[int, int]]:
        """Service → (have, want), as known now."""
        return self._tracker.strengths()

    def full(self) -> bool:
        """Whether every service is at full strength."""
        return full(self.strength())

    def announce(self) -> None:
        """Mark every service's strength again: a trial's starting point."""
        self._tracker.announce(self.now_ns())

    def _write(self, mark: Mark) -> None:
        with self._writing:
            if mark.at_ns >= self._started_ns and not self._stopping.is_set():
                self.record(mark)

    def _hear_event(self, event: Event) -> None:
        happening, marks = self._reading.feed(event)
        if happening is None:
            return
        if happening.at_ns >= self._started_ns:  # what was before is in the first look
            self._tracker.hear(happening)
        for mark in marks:
            self._write(mark)
        if happening.action == "start":
            self._follow(happening.id, happening.service, happening.instance)

    def _follow(self, container: str, service: str, instance: str) -> None:
        """Follow a container's log; if it is followed already, it has started again."""

        def hear(line: Line) -> None:
            self._books.write(service, instance, line)
            for mark in self._witnesses.marks(service, instance, line):
                self._write(mark)

        with self._following:
            if container in self._followers:
                self._followers[container].wake()
            elif not self._stopping.is_set():
                self._followers[container] = LogFollower(container, hear)
                self._followers[container].start()

    def _look_again(self) -> None:
        """Catch what no event told. A single failed look means nothing."""
        while not self._stopping.wait(_LOOK_PERIOD_S):
            with (
                contextlib.suppress(
                    EnvironmentUnfit,
                    docker.errors.DockerException,
                    requests.exceptions.RequestException,
                ),
                contextlib.closing(connect()) as client,
            ):
                while not self._stopping.is_set():
                    self._look(client)
                    self._stopping.wait(_LOOK_PERIOD_S)

    def _look(self, client: docker.DockerClient) -> None:
        here = instance_states(client, self.project)
        self._tracker.look(here, self.now_ns(), round(2 * _LOOK_PERIOD_S * NS))
        for one in here:
            if one.running:
                self._follow(one.id, one.service, one.name)

    def _polled(self) -> Iterator[tuple[str, float, Callable[[Polled], None]]]:
        for healer in self.spec.healers:
            if healer.http is not None:
                yield healer.http.url, healer.http.period_s, self._watch(Edges(healer))
        for strength in self.spec.strengths:
            if strength.url:
                yield strength.url, strength.period_s, self._count(strength)

    def _watch(self, edges: Edges) -> Callable[[Polled], None]:
        def hear(polled: Polled) -> None:
            for mark in edges.marks(polled):
                self._write(mark)

        return hear

    def _count(self, strength: Strength) -> Callable[[Polled], None]:
        patience_ns = max(round(_SILENT_PERIODS * strength.period_s * NS), _SILENT_LEAST_NS)

        def hear(polled: Polled) -> None:
            if polled.body is not None:
                self._tracker.count(strength.service, counted(strength, polled.body), polled)
            elif polled.silent_ns > patience_ns:
                self._tracker.count(strength.service, None, polled)

        return hear
