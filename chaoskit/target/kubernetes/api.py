"""The API server: the one place that talks to it.

Objects are plain JSON. The official client brings the way there (certificates, tokens, plug-ins,
proxies); its typed models are left aside, because they take ten times the memory of a list of pods,
know no custom resources, and drop fields that they are too old for.
"""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.kubernetes import credentials
from chaoskit.target.kubernetes.offset import Offset
from chaoskit.target.kubernetes.pace import Pace
from chaoskit.target.patience import Deadline, rest

Object = Mapping[str, Any]

MERGE_PATCH = "application/merge-patch+json"
_TIMEOUT_S = 20.0
_CONNECT_S = 5.0
_BUSY_S = 30.0  # how long a server may send us away with 429
_PAGE = 500
_TOO_MANY, _UNAUTHORIZED, _EXPIRED = 429, 401, 410


class ApiError(Exception):
    """The server's refusal of one request."""

    def __init__(self, status: int, body: Any, request: str) -> None:
        self.status = status
        self.reason = str(body.get("reason", "")) if isinstance(body, dict) else ""
        words = body.get("message") if isinstance(body, dict) else body
        self.words = str(words or f"HTTP {status}")
        self.causes = tuple((body.get("details") or {}).get("causes") or ()) if isinstance(
            body, dict) else ()  # fmt: skip
        super().__init__(f"{request}: {self.words}")


class ApiAway(Exception):
    """The server did not answer: refused, dropped, or too slow."""


class ApiIdle(ApiAway):
    """A stream said nothing for so long that it may be dead; it is made anew."""


class Api:
    """A connection to one cluster. Thread-safe; counts what it asks for."""

    def __init__(self, context: str = "") -> None:
        """Raises EnvironmentUnfit when no cluster is configured."""
        self.context = context
        self.offset = Offset()
        self.calls: Counter[str] = Counter()  # verb → requests sent
        self._lock = threading.Lock()
        self._pace, self._polite = Pace(), threading.local()
        self._connect()

    def close(self) -> None:
        """Close what connections are idle. Idempotent; the next request opens new ones."""
        self._pool.clear()

    def _connect(self) -> None:
        settings = credentials.load(self.context)
        self.settings = settings
        self.host = str(settings.host).rstrip("/")
        self._pool = client.ApiClient(settings).rest_client.pool_manager

    def headers(self) -> dict[str, str]:
        """What tells the server who we are."""
        found = {"User-Agent": "chaoskit", "Accept": "application/json"}
        for one in self.settings.auth_settings().values():
            if one["in"] == "header" and one["value"]:
                found[one["key"]] = one["value"]
        return found

    @contextlib.contextmanager
    def politely(self) -> Iterator[None]:
        """Within this, requests of this thread are paced; those of others are not."""
        before = getattr(self._polite, "on", False)
        self._polite.on = True
        try:
            yield
        finally:
            self._polite.on = before

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """One object. Raises ApiError, ApiAway."""
        return self.request("GET", path, query=query)

    def find(self, path: str) -> dict[str, Any] | None:
        """One object, or None when there is none of that name."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def text(self, path: str, **query: Any) -> str:
        """An answer that is no object, such as a log. Raises ApiError, ApiAway."""
        answer = self._send("GET", path, query, (None, ""))
        if answer.status >= 300:
            raise ApiError(answer.status, _json(answer.data), f"GET {path}")
        return str(answer.data.decode("utf-8", errors="replace"))

    def items(self, path: str, selector: str = "") -> tuple[list[dict[str, Any]], str]:
        """Everything of a collection, page by page, and the version that it was read at."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"limit": _PAGE, **({"labelSelector": selector} if selector else {})}
        while True:
            try:
                answer = self.get(path, **page)
            except ApiError as error:
                if error.status == _EXPIRED and "continue" in page:  # it took too long: all at once
                    page = {key: one for key, one in page.items() if key == "labelSelector"}
                    found = []
                    continue
                raise
            found += answer.get("items") or []
            version = str(answer["metadata"].get("resourceVersion", ""))
            following = answer["metadata"].get("continue")
            if not following:
                return found, version
            page["continue"] = following

    def create(self, path: str, body: Object) -> dict[str, Any]:
        """Make an object. Raises ApiError, with 409 when there is one."""
        return self.request("POST", path, body=body)

    def patch(self, path: str, body: Object) -> dict[str, Any]:
        """Merge into an object."""
        return self.request("PATCH", path, body=body, content=MERGE_PATCH)

    def delete(self, path: str, **options: Any) -> bool:
        """Remove an object; False when it was not there."""
        try:
            self.request("DELETE", path, body=options or None)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Object | None = None,
        content: str = "application/json",
    ) -> dict[str, Any]:
        """One request and its answer, waiting while the server is busy. Raises ApiError, ApiAway."""
        deadline = Deadline(_BUSY_S)
        renewed = False
        while True:
            answer = self._send(method, path, query, (body, content))
            data = _json(answer.data)
            if answer.status < 300 and isinstance(data, dict):
                return data
            refused = ApiError(answer.status, data, f"{method} {path}")
            after = answer.headers.get("Retry-After")
            if answer.status == _TOO_MANY and after and not refused.causes and not deadline.passed:
                rest(min(float(after), 5.0))
            elif answer.status == _UNAUTHORIZED and not renewed:
                renewed = True
                self.close()
                self._connect()  # the file may hold a new token by now
            else:
                raise refused

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        sent: tuple[Object | None, str],
    ) -> Any:
        body, content = sent
        headers = self.headers()
        if body is not None:
            headers["Content-Type"] = content
        if getattr(self._polite, "on", False):
            self._pace.wait()
        asked_ns = _now_ns()
        self._count(method)
        try:
            answer = self._pool.request(
                method,
                self._url(path, query),
                headers=headers,
                body=None if body is None else json.dumps(body),
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=_TIMEOUT_S),
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            message = f"{self.host} does not answer {method} {path}: {error}"
            raise ApiAway(message) from error
        self.offset.hear(answer.headers.get("Date"), asked_ns, _now_ns())
        return answer

    @contextlib.contextmanager
    def stream(self, path: str, *, idle_s: float, **query: Any) -> Iterator[Any]:
        """An answer that goes on; its lines come from `lines`. Raises ApiError, ApiAway."""
        self._count("WATCH")
        try:
            answer = self._pool.request(
                "GET",
                self._url(path, query),
                headers=self.headers(),
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=idle_s),
                retries=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiAway(str(error)) from error
        try:
            if answer.status >= 300:
                raise ApiError(answer.status, _json(answer.read()), f"WATCH {path}")
            yield answer
        finally:
            answer.close()

    def may(self, verb: str, resource: str, *, group: str = "", namespace: str = "") -> bool:
        """Whether we may do this, by the server's own word."""
        plural, _, sub = resource.partition("/")
        attributes = {"verb": verb, "resource": plural, "group": group, "namespace": namespace}
        if sub:
            attributes["subresource"] = sub
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return bool(self.create(path, review).get("status", {}).get("allowed"))

    def _url(self, path: str, query: Mapping[str, Any] | None) -> str:
        words = urlencode({key: str(one) for key, one in (query or {}).items()})
        return f"{self.host}{path}{'?' + words if words else ''}"

    def _count(self, verb: str) -> None:
        with self._lock:
            self.calls[verb] += 1


def reach(context: str = "") -> Api:
    """A connection to a cluster that answers and knows us. Raises EnvironmentUnfit."""
    api = Api(context)
    try:
        api.get("/version")
        api.create(
            "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectRulesReview",
                "spec": {"namespace": "default"},
            },
        )
    except ApiAway as error:
        api.close()
        message = f"the cluster does not answer: {error}"
        raise EnvironmentUnfit(message) from error
    except ApiError as error:
        api.close()
        if error.status == _UNAUTHORIZED:
            message = (
                f"the cluster at {api.host} does not accept our credentials ({error.words}); "
                "they may have expired: log in again, then check with `kubectl get pods`"
            )
        else:
            message = f"the cluster at {api.host} refuses us: {error}"
        raise EnvironmentUnfit(message) from error
    return api


def lines(answer: Any) -> Iterator[bytes]:
    """The lines of a streamed answer, each as soon as it is whole. Raises ApiAway, ApiIdle."""
    rest_of = b""
    try:
        for chunk in answer.stream(amt=None):
            *whole, rest_of = (rest_of + chunk).split(b"\n")
            yield from filter(None, whole)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise ApiIdle(str(error)) from error
    except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
        raise ApiAway(str(error)) from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data or b"{}")
    except ValueError:
        return data.decode(errors="replace")[:300]


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251  # run/clock is above us; taken around the call
