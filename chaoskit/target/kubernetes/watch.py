"""Follows a collection on the API server: list once, then hear of every change, through every gap.

A watch ends for many reasons: the server's own time limit, a dropped connection, a version that is
too old (410), a token that expired. After each of them it goes on from the last version heard, or
lists again and tells what became of everything meanwhile. Whoever listens is told how long before
the news something may have happened: nothing on a live stream, and the whole gap after one.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, ApiIdle, lines
from chaoskit.target.patience import Deadline

Object = dict[str, Any]

_IDLE_S = 10.0  # without a word for so long, the connection may be dead: it is made anew
_SERVER_S = 240  # after which the server ends the watch in good order
_AGAIN_S, _AGAIN_MOST_S = 0.05, 2.0
_DEAF_NS = 1_000_000_000
_BACKLOG_NS = 300_000_000  # a server tells what was missed as soon as the stream is open
_GONE, _BUSY, _UNAUTHORIZED = 410, 429, 401


@dataclass(frozen=True, kw_only=True)
class News:
    """A change, and when it can have happened: at most `resolution_ns` before `at_ns`."""

    kind: str  # ADDED, MODIFIED, DELETED
    item: Object
    at_ns: int
    resolution_ns: int


@dataclass
class Watch:
    """One collection, followed by a thread of its own.

    `hear` gets every change; `listed` gets everything that is there, at the beginning and after
    every gap in which changes may have been lost. Both are called by one thread at a time.
    """

    api: Api
    path: str
    hear: Callable[[News], None]
    listed: Callable[[list[Object], int, int], None]
    selector: str = ""
    note: Callable[[str], None] = lambda _words: None
    # Nothing was heard since then; and heard again, which is also said when it never was deaf.
    deaf: Callable[[int], None] = lambda _since_ns: None
    heard: Callable[[], None] = lambda: None
    _version: str = field(default="", init=False)
    _heard_ns: int = field(default=0, init=False)  # when the stream was last known to be alive
    _failing_ns: int = field(default=0, init=False)  # since when it cannot be made again
    _stream: Any = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def start(self) -> None:
        """List now, then follow in a thread. Raises ApiError, ApiAway."""
        self._list()
        self._thread = threading.Thread(target=self._run, name=f"watch {self.path}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait for the thread. Idempotent."""
        self._stopping.set()
        deadline = Deadline(_IDLE_S)
        while self._thread is not None and self._thread.is_alive() and not deadline.passed:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                self._stream.shutdown()  # unless there is none, or it ended by itself
            self._thread.join(_AGAIN_S)

    def _run(self) -> None:
        again_s = _AGAIN_S
        while not self._stopping.is_set():
            try:
                if not self._version:
                    self._list()
                self._follow()
                again_s = _AGAIN_S
            except ApiError as error:
                if error.status == _GONE:
                    self._version = ""
                else:
                    self.note(f"the watch of {self.path} was refused: {error.words}")
                    self._renew(error)
                    again_s = min(again_s * 2, _AGAIN_MOST_S)
            except ApiIdle:
                again_s = _AGAIN_S  # nothing happened, most likely
            except (ApiAway, EnvironmentUnfit) as error:
                if not self._stopping.is_set():
                    self.note(f"the watch of {self.path} broke and begins again: {error}")
                again_s = min(again_s * 2, _AGAIN_MOST_S)
            self._fail()
            self._stopping.wait(again_s)

    def _fail(self) -> None:
        """It ended, for whatever reason; one that stays away for long is told once."""
        now = _now_ns()
        self._failing_ns = self._failing_ns or now
        if now - self._failing_ns > _DEAF_NS and not self._stopping.is_set():
            self.deaf(self._heard_ns)

    def _renew(self, error: ApiError) -> None:
        """A token that expired: any plain request makes the connection read a new one."""
        if error.status == _UNAUTHORIZED:
            with contextlib.suppress(ApiError, ApiAway):
                self.api.get("/version")

    def _list(self) -> None:
        items, self._version = self.api.items(self.path, self.selector)
        now = _now_ns()
        self.listed(items, now, now - self._heard_ns if self._heard_ns else 0)
        self._heard_ns = now

    def _follow(self) -> None:
        query: dict[str, Any] = {
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": _SERVER_S,
        }
        if self.selector:
            query["labelSelector"] = self.selector
        with self.api.stream(self.path, idle_s=_IDLE_S, **query) as stream:
            self._stream, self._failing_ns = stream, 0
            self.heard()
            # What comes first, and whatever comes with it, may have happened in the gap before.
            since_ns, backlog_until_ns = self._heard_ns, _now_ns() + _BACKLOG_NS
            first = True
            for line in lines(stream):
                if self._stopping.is_set():
                    return
                in_gap = first or _now_ns() < backlog_until_ns
                self._take(json.loads(line), since_ns=since_ns if in_gap else 0)
                first = False

    def _take(self, event: Object, *, since_ns: int) -> None:
        """One line; it may have happened since then, or just now when that is 0."""
        now, item = _now_ns(), event["object"]
        if event["type"] == "ERROR":
            raise ApiError(int(item.get("code") or 500), item, f"WATCH {self.path}")
        self._version = str(item["metadata"]["resourceVersion"])
        self._heard_ns = now
        if event["type"] == "BOOKMARK":
            return
        resolution_ns = now - since_ns if since_ns else 0
        self.hear(News(kind=event["type"], item=item, at_ns=now, resolution_ns=resolution_ns))


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251  # run/clock is above us; the moment of hearing
