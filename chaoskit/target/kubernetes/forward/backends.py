"""Which pods a Service sends its users to: its EndpointSlices, as kube-proxy hears of them.

"No pod is ready" is an outage, so it is never said from memory: the API server is asked again.
"""

import itertools
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.kubernetes.api import Api
from chaoskit.target.kubernetes.now import now_ns
from chaoskit.target.kubernetes.paths import collection, core, pods
from chaoskit.target.kubernetes.watch import News, Watch

Object = Mapping[str, Any]

_FRESH_NS = 250_000_000  # an answer this young is the server's word


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One pod behind a Service, and the port that it listens on."""

    pod: str
    uid: str
    port: int


@dataclass
class Backends:
    """The pods behind one port of one Service. Thread-safe once started."""

    api: Api
    namespace: str
    service: str
    port_name: str
    _slices: dict[str, Object] = field(default_factory=dict, init=False)
    _turn: Iterator[int] = field(default_factory=itertools.count, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _asking: threading.Lock = field(default_factory=threading.Lock, init=False)
    _asked_ns: int = field(default=0, init=False)
    _watch: Watch = field(init=False)

    @classmethod
    def of(cls, api: Api, namespace: str, service: str, port: int) -> "Backends":
        """The pods behind a Service's port. Raises EnvironmentUnfit, ApiError, ApiAway."""
        found = api.find(core("services", namespace, service))
        if found is None:
            message = f"there is no Service {service!r} in {namespace}"
            raise EnvironmentUnfit(message)
        ports = [one for one in found["spec"].get("ports", ()) if one["port"] == port]
        if not ports:
            message = f"the Service {service!r} in {namespace} has no port {port}"
            raise EnvironmentUnfit(message)
        return cls(api, namespace, service, str(ports[0].get("name") or ""))

    def __post_init__(self) -> None:
        self._watch = Watch(
            api=self.api,
            path=self._path,
            selector=self._selector,
            hear=self._hear,
            listed=lambda items, _at_ns, _gap_ns: self._take(items),
        )

    def start(self) -> None:
        """Follow them from now on. Raises ApiError, ApiAway."""
        self._watch.start()

    def stop(self) -> None:
        """Follow them no more."""
        self._watch.stop()

    def next(self) -> Backend | None:
        """The pod whose turn it is: of those that are ready, else of those that still serve."""
        with self._lock:
            ready, serving = self._ready()
            chosen = ready or serving
            return chosen[next(self._turn) % len(chosen)] if chosen else None

    def none_ready(self) -> bool:
        """Whether no pod is ready, by the server's own word of just now. Raises ApiError, ApiAway."""
        with self._asking:  # whoever waits here for the answer to another may use it
            with self._lock:
                if self._ready()[0]:
                    return False
            if now_ns() - self._asked_ns > _FRESH_NS:
                asked_ns = now_ns()
                items, _ = self.api.items(self._path, self._selector)
                self._take(items)
                self._asked_ns = asked_ns
            with self._lock:
                return not self._ready()[0]

    def leaving(self, backend: Backend) -> bool:
        """Whether the very pod is gone or on its way out. Raises ApiError, ApiAway."""
        found = self.api.find(pods(self.namespace, backend.pod))
        if found is None or found["metadata"]["uid"] != backend.uid:
            return True
        return "deletionTimestamp" in found["metadata"]

    @property
    def _path(self) -> str:
        return collection("discovery.k8s.io/v1", "endpointslices", self.namespace)

    @property
    def _selector(self) -> str:
        return f"kubernetes.io/service-name={self.service}"

    def _take(self, items: list[dict[str, Any]]) -> None:
        with self._lock:
            self._slices = {str(one["metadata"]["name"]): one for one in items}

    def _hear(self, news: News) -> None:
        name = str(news.item["metadata"]["name"])
        with self._lock:
            if news.kind == "DELETED":
                self._slices.pop(name, None)
            else:
                self._slices[name] = news.item

    def _ready(self) -> tuple[list[Backend], list[Backend]]:
        """Those that are ready; and those that serve to their end."""
        ready: dict[str, Backend] = {}
        serving: dict[str, Backend] = {}
        for one in self._slices.values():
            port = self._port_in(one)
            for endpoint in one.get("endpoints") or () if port else ():
                said = endpoint.get("conditions") or {}
                if said.get("ready") is not False:  # unknown counts as ready, as for kube-proxy
                    _add(ready, endpoint, port)
                elif said.get("serving") and said.get("terminating"):
                    _add(serving, endpoint, port)
        return list(ready.values()), list(serving.values())

    def _port_in(self, one: Object) -> int:
        """The pods' port that a slice has for ours; 0 for none."""
        ports = one.get("ports") or ()
        mine = (each["port"] for each in ports if (each.get("name") or "") == self.port_name)
        return int(next(mine, None) or 0)


def _add(found: dict[str, Backend], endpoint: Object, port: int) -> None:
    """What is no pod cannot be forwarded to."""
    about = endpoint.get("targetRef") or {}
    if about.get("kind") == "Pod":
        uid = str(about.get("uid"))
        found[uid] = Backend(pod=str(about["name"]), uid=uid, port=port)
