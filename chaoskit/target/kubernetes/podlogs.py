"""Pods' logs as witnesses: followed through drops and restarts, and no line is heard twice.

Only the workloads whose log bears witness are followed, since each log is a connection. A line's
stamp is in the time of its node, which nobody here knows: a mark is placed where the line was heard,
and what may have been written in a gap carries the gap as its resolution.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.marks import NS
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, lines
from chaoskit.target.kubernetes.now import now_ns
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podstate import ContainerState, PodState
from chaoskit.target.kubernetes.witness import Moment
from chaoskit.target.logs import Line, Recent, read_line

LIVE_NS = NS // 10  # from a program's write to our hearing of it, over the kubelet and the server

_IDLE_S = 10.0  # without a line for so long, the connection may be dead: it is made anew
_BACKLOG_NS = 300_000_000  # a server tells what was missed as soon as the stream is open
_AGAIN_S, _AGAIN_MOST_S = 0.1, 3.0
_STOP_S = 2.0
_GONE = 404

Hear = Callable[[PodState, Line, Moment], None]


@dataclass
class PodLogs:
    """The logs of some workloads' pods."""

    api: Api
    namespace: str
    workloads: frozenset[str]
    hear: Hear  # called from several threads
    _followers: dict[tuple[str, str], "LogFollower"] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _stopping: bool = field(default=False, init=False)

    def listed(self, states: Iterable[PodState], gap_ns: int) -> None:
        """Everything that is there, after a gap; before the first list there is none."""
        here = tuple(states)
        uids = {one.uid for one in here}
        with self._lock:
            left = [key for key in self._followers if key[0] not in uids]
            for key in left:
                self._followers.pop(key).end()
        for one in here:
            self.changed(one, old=not gap_ns, gap_ns=gap_ns)

    def changed(self, pod: PodState, *, old: bool = False, gap_ns: int = 0) -> None:
        """A pod as it is now. What an old one wrote before we came is nobody's business."""
        if pod.workload not in self.workloads:
            return
        with self._lock:
            for one in pod.containers:
                key = (pod.uid, one.name)
                if key not in self._followers and one.id and not self._stopping:
                    follower = LogFollower(self, pod, one, old=old)
                    follower.alive_ns -= gap_ns
                    self._followers[key] = follower
                    follower.start()
                elif key in self._followers:
                    self._followers[key].runs(one)

    def gone(self, pod: PodState) -> None:
        """A pod that is not there any more."""
        with self._lock:
            for key in [one for one in self._followers if one[0] == pod.uid]:
                self._followers.pop(key).end()

    def stop(self) -> None:
        """Follow nothing any more. Idempotent."""
        with self._lock:
            self._stopping = True
            followers = list(self._followers.values())
            self._followers.clear()
        for one in followers:
            one.end()
        for one in followers:
            one.join(_STOP_S)


class LogFollower(threading.Thread):
    """Follows one container of one pod, as long as the pod is there."""

    def __init__(
        self, logs: PodLogs, pod: PodState, container: ContainerState, *, old: bool
    ) -> None:
        super().__init__(name=f"log {pod.name}", daemon=True)
        self._logs, self._pod, self._container = logs, pod, container.name
        self._id = container.id  # which of its incarnations runs, as the watch says
        self._read = container.id  # which one was followed last
        self._old = old
        self._begun = False
        self._recent = Recent()
        self.alive_ns = now_ns()  # when it was last known that nothing was missed
        self._since_s = logs.api.offset.server_s(self.alive_ns)
        self._again = threading.Event()
        self._ending = threading.Event()
        self._stream: Any = None

    def runs(self, container: ContainerState) -> None:
        """What the watch says of it; another incarnation has another log."""
        if container.id != self._id:
            self._id = container.id
            self._again.set()

    def end(self) -> None:
        """Follow no more; the thread ends."""
        self._ending.set()
        self._again.set()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._stream.shutdown()  # unless there is none, or it ended by itself

    def run(self) -> None:
        """Until `end`, or until the pod is gone."""
        again_s = _AGAIN_S
        while not self._ending.is_set():
            self._again.clear()
            before_ns = self.alive_ns
            try:
                self._follow()  # ends when the container does
                again_s *= 2
            except ApiError as error:
                if error.status == _GONE:
                    return
                again_s *= 2
            except (ApiAway, EnvironmentUnfit):
                again_s = _AGAIN_S if self.alive_ns > before_ns else again_s * 2
            again_s = min(again_s, _AGAIN_MOST_S)
            if self._again.wait(again_s):
                again_s = _AGAIN_S

    def _follow(self) -> None:
        running = self._id
        if running != self._read:  # its last words may not have come through
            with contextlib.suppress(ApiError):
                self._take(self._query(previous="true"))
            self._read = running
        query = self._query(follow="true")
        if not self._begun:  # all that a new one has written, and nothing of an old one
            del query["sinceTime"]
            query |= {"tailLines": 0} if self._old else {}
        self._take(query)

    def _query(self, **words: Any) -> dict[str, Any]:
        """A server knows whole seconds only: what comes a second time is known again."""
        last_ns = self._recent.last_ns
        since_s = last_ns // NS if last_ns else self._since_s
        since = datetime.fromtimestamp(since_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"container": self._container, "timestamps": "true", "sinceTime": since, **words}

    def _take(self, query: dict[str, Any]) -> None:
        path = f"{pods(self._logs.namespace, self._pod.name)}/log"
        with self._logs.api.stream(path, idle_s=_IDLE_S, **query) as stream:
            self._stream, self._begun = stream, True
            since_ns, self.alive_ns = self.alive_ns, now_ns()
            backlog_until_ns = self.alive_ns + _BACKLOG_NS
            for raw in lines(stream):
                line = read_line(raw)
                if self._ending.is_set():
                    return
                if line is None or not self._recent.is_new(line):
                    continue
                now = now_ns()
                gap_ns = now - since_ns if now < backlog_until_ns else 0
                moment = Moment(at_ns=now, resolution_ns=max(gap_ns, LIVE_NS))
                self._logs.hear(self._pod, line, moment)
                self.alive_ns = now
