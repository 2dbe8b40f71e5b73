"""The witnesses that are no watches: lines in pods' logs, and endpoints that are asked."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.marks import Mark
from chaoskit.model.target import TargetSpec
from chaoskit.target.kubernetes.api import Api
from chaoskit.target.kubernetes.now import now_ns
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podlogs import PodLogs
from chaoskit.target.kubernetes.podstate import PodState
from chaoskit.target.kubernetes.witness import Moment
from chaoskit.target.logs import Books, Line, Witnesses
from chaoskit.target.patience import wait_until
from chaoskit.target.polling import Edges, Poller, pollers

_SAID_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.5
_LINES = 1000


@dataclass
class Words:
    """The log and http witnesses of one running target."""

    spec: TargetSpec
    api: Api
    namespace: str
    entrypoints: Mapping[str, str]
    logs_folder: Path
    record: Callable[[Mark], None]
    logs: PodLogs = field(init=False)
    _books: Books = field(init=False)
    _patterns: Witnesses = field(init=False)
    _pollers: tuple[Poller, ...] = field(default=(), init=False)
    _writing: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._patterns = Witnesses(self.spec, lambda at_ns: at_ns)
        self._books = Books(self.logs_folder)
        self.logs = PodLogs(
            api=self.api,
            namespace=self.namespace,
            workloads=_heard(self.spec),
            hear=self._line,
        )

    def start(self) -> None:
        """Ask the endpoints from now on; pods' logs are followed as the watch tells of pods."""
        asked = [
            (one.http.url, one.http.period_s, self._edges(Edges(one)))
            for one in self.spec.healers
            if one.http is not None
        ]
        self._pollers = tuple(pollers(asked, self.entrypoints, now_ns))
        for one in self._pollers:
            one.start()

    def stop(self) -> None:
        """End every thread. Idempotent."""
        for one in self._pollers:
            one.close()
        self.logs.stop()
        for one in self._pollers:
            one.join(_LOOK_EVERY_S)
        self._books.close()

    def _line(self, pod: PodState, line: Line, moment: Moment) -> None:
        self._books.write(pod.workload, pod.name, line)
        for mark in self._patterns.marks(pod.workload, pod.name, line):
            placed = replace(mark, at_ns=moment.at_ns, resolution_ns=moment.resolution_ns)
            self._write(placed)

    def _edges(self, edges: Edges) -> Callable[..., None]:
        return lambda polled: self._all(edges.marks(polled))

    def _all(self, marks: Iterable[Mark]) -> None:
        for one in marks:
            self._write(one)

    def _write(self, mark: Mark) -> None:
        with self._writing:
            self.record(mark)


def await_words(api: Api, spec: TargetSpec, namespace: str, here: Iterable[PodState]) -> None:
    """Wait until every log that is to bear witness has said what a healthy start says.

    Raises EnvironmentUnfit, ApiError, ApiAway: a pattern that never matches would let a healer that
    acts count as one that does nothing.
    """
    states = tuple(here)
    wanted = {
        (healer.name, one.service, one.started)
        for healer in spec.healers
        if (one := healer.log) is not None and one.started
    }

    def all_said() -> bool:
        for one in list(wanted):
            if any(re.search(one[2], line) for line in _written(api, namespace, states, one[1])):
                wanted.discard(one)
        return not wanted

    if not wait_until(all_said, timeout_s=_SAID_WITHIN_S, every_s=_LOOK_EVERY_S):
        missing = "; ".join(
            f"nothing in the log of {service} matches {pattern!r}, by which {healer} is to be seen"
            for healer, service, pattern in sorted(wanted)
        )
        message = f"{spec.title}: it serves, but {missing}"
        raise EnvironmentUnfit(message)


def _written(api: Api, namespace: str, states: Iterable[PodState], workload: str) -> Iterator[str]:
    for pod in states:
        for one in pod.containers if pod.workload == workload else ():
            path = f"{pods(namespace, pod.name)}/log"
            yield from api.text(path, container=one.name, tailLines=_LINES).splitlines()


def _heard(spec: TargetSpec) -> frozenset[str]:
    return frozenset(one.log.service for one in spec.healers if one.log is not None)
