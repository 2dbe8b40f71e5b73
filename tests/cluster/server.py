"""The HTTP side of the fake API server: real sockets, real watches, real refusals."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.cluster.store import Refusal, Store, matches, merge

CLUSTER_WIDE = {"nodes", "namespaces"}
CUSTOM = {"chaos-mesh.org/v1alpha1": {"NetworkChaos": "networkchaos", "StressChaos": "stresschaos",
          "IOChaos": "iochaos", "TimeChaos": "timechaos", "HTTPChaos": "httpchaos",
          "DNSChaos": "dnschaos"}}  # fmt: skip


class Trouble:
    """Something that goes wrong with the next requests that match."""

    def __init__(self, *, method="", path="", times=1, code=0, headers=None, drop=False, slow_s=0):
        self.method, self.path, self.times = method, path, times
        self.code, self.headers, self.drop, self.slow_s = code, headers or {}, drop, slow_s

    def hits(self, method, path):
        return self.times > 0 and self.method in {"", method} and self.path in path


class ApiServer:
    """Serves a store. `subresources` handle what is more than an object: exec, eviction."""

    def __init__(self, token="token-1", history=2000):
        self.store = Store(history)
        self.token = token
        self.denied = set()  # (verb, resource) that we may not do
        self.troubles = []
        self.requests = []  # (method, path) as they came
        self.custom = {}  # installed custom resource definitions, of CUSTOM
        self.subresources = {}  # (resource, name of it) → function(handler, namespace, name, body)
        self.clock_s = 0.0  # how far the server's clock is ahead
        self.streams = set()
        self.conversations = set()  # exec with standard input
        server = self

        class Handler(_Handler):
            api = server

        self.http = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def trouble(self, **what):
        self.troubles.append(Trouble(**what))

    def drop_watches(self):
        """Every connection of a watch breaks, without a word."""
        for one in list(self.streams):
            with contextlib.suppress(OSError):
                one.connection.shutdown(2)

    def drop_conversations(self):
        """Every connection of a command that is spoken to breaks; how many."""
        dropped = list(self.conversations)
        for one in dropped:
            with contextlib.suppress(OSError):
                one.connection.shutdown(2)
        return len(dropped)

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.drop_watches()
        self.drop_conversations()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """Clients go away all the time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: ApiServer

    def log_message(self, *args):
        """Quiet."""

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + self.api.clock_s)

    def do_GET(self):
        self._serve("GET")

    def do_POST(self):
        self._serve("POST")

    def do_PUT(self):
        self._serve("PUT")

    def do_PATCH(self):
        self._serve("PATCH")

    def do_DELETE(self):
        self._serve("DELETE")

    def _serve(self, method):
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null") if length else None
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        with self.api.store.lock:
            self.api.requests.append((method, self.path))
        try:
            if self._troubled(method):
                return
            if self.headers.get("Authorization") != f"Bearer {self.api.token}":
                raise Refusal(401, "Unauthorized", "Unauthorized")
            answer = self._answer(method, parts.path, query, body)
            if answer is not None:
                self._send(*answer)
        except Refusal as refusal:
            self._send(refusal.code, refusal.status, refusal.headers)

    def _troubled(self, method):
        for one in self.api.troubles:
            if one.hits(method, self.path):
                one.times -= 1
                time.sleep(one.slow_s)
                if one.drop:
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return True
                if one.code:
                    reasons = {409: "Conflict", 410: "Expired", 429: "TooManyRequests"}
                    reason = reasons.get(one.code, "InternalError")
                    raise Refusal(one.code, reason, "as it was told", headers=one.headers)
        return False

    def _send(self, code, body, headers=None):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, method, path, query, body):
        if path == "/version":
            return 200, {"gitVersion": "v1.36.0-fake", "major": "1", "minor": "36"}
        if path.endswith("/selfsubjectaccessreviews"):
            asked = body["spec"]["resourceAttributes"]
            resource = asked["resource"] + (
                f"/{asked['subresource']}" if asked.get("subresource") else ""
            )
            allowed = (asked["verb"], resource) not in self.api.denied
            return 201, {**body, "status": {"allowed": allowed}}
        if path.endswith("/selfsubjectrulesreviews"):
            return 201, {**body, "status": {"resourceRules": [], "incomplete": True}}
        place = _place(path)
        if place is None:
            return self._discovery(path)
        return self._object(method, place, query, body)

    def _discovery(self, path):
        version = path.removeprefix("/apis/").removeprefix("/api/")
        kinds = self.api.custom.get(version)
        if kinds is None:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        served = [
            {"name": plural, "kind": kind, "namespaced": True} for kind, plural in kinds.items()
        ]
        return 200, {"kind": "APIResourceList", "groupVersion": version, "resources": served}

    def _object(self, method, place, query, body):
        resource, namespace, name, sub = place
        verb = {"GET": "get" if name else "list", "POST": "create", "PUT": "update",
                "PATCH": "patch", "DELETE": "delete"}[method]  # fmt: skip
        short = resource.rpartition("/")[2]
        asked = short + (f"/{sub}" if sub else "")
        # What is upgraded to a WebSocket needs `create` as well, since 1.35.
        verbs = {verb, "create"} if sub in {"exec", "portforward"} else {verb}
        if any((one, asked) in self.api.denied for one in verbs):
            raise Refusal(403, "Forbidden", f"{short} is forbidden: cannot {verb}")
        store = self.api.store
        if sub and (short, sub) in self.api.subresources:
            return self.api.subresources[short, sub](self, namespace, name, body)
        if method == "GET" and not name:
            return self._list(resource, namespace, query)
        if method == "GET":
            return 200, store.get(resource, namespace, name)
        if method == "POST":
            if namespace and store.find("namespaces", "", namespace) is None:
                raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found')
            if namespace and (store.get("namespaces", "", namespace).get("status") or {}).get(
                "phase") == "Terminating":  # fmt: skip
                raise Refusal(403, "Forbidden", f"namespace {namespace} is being terminated")
            if query.get("dryRun") == "All":
                for check in store.admissions:
                    check(resource, namespace, body)
                return 201, body
            return 201, store.create(resource, namespace, body)
        if method in {"PATCH", "PUT"}:
            return 200, store.update(
                resource, namespace, name, lambda one: _write(one, method, body)
            )
        return 200, store.delete(resource, namespace, name, body)

    def _list(self, resource, namespace, query):
        store, selector = self.api.store, query.get("labelSelector", "")
        if query.get("watch") == "true":
            return self._watch(resource, namespace, query)
        with store.lock:
            version = store.version
            items = [one for one in store.list(resource, namespace) if matches(one, selector)]
        start, limit = int(query.get("continue", 0)), int(query.get("limit", 0)) or len(items) or 1
        page = items[start : start + limit]
        meta = {"resourceVersion": str(version)}
        if start + limit < len(items):
            meta["continue"] = str(start + limit)
        return 200, {"kind": "List", "metadata": meta, "items": page}

    def _watch(self, resource, namespace, query):
        store, since = self.api.store, int(query.get("resourceVersion") or 0)
        selector, end = query.get("labelSelector", ""), time.monotonic() + float(
            query.get("timeoutSeconds", 60))  # fmt: skip
        with store.lock:
            if since < store.forgotten:
                raise Refusal(410, "Expired", f"too old resource version: {since}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.api.streams.add(self)
        seen = set()  # uids that matched: what stops matching is told as deleted
        try:
            while time.monotonic() < end:
                with store.changed:
                    if since < store.forgotten:
                        gone = Refusal(410, "Expired", "too old resource version").status
                        self._event("ERROR", gone)
                        return
                    fresh = [one for one in store.history if one[0] > since]
                    if not fresh:
                        store.changed.wait(0.5)
                        continue
                since = fresh[-1][0]
                for _, what, key, item in fresh:
                    if key[0] == resource and namespace in {"", key[1]}:
                        if matches(item, selector):
                            seen.add(key)
                            self._event(what, item)
                        elif key in seen:
                            seen.discard(key)
                            self._event("DELETED", item)
            self._event("BOOKMARK", {"metadata": {"resourceVersion": str(since)}})
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
        finally:
            self.api.streams.discard(self)
        return

    def _event(self, what, item):
        line = json.dumps({"type": what, "object": item}).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

    @property
    def words(self):
        """The query as pairs, in order: exec repeats `command`."""
        return parse_qsl(urlsplit(self.path).query)


def _write(item, method, body):
    version = (body.get("metadata") or {}).get("resourceVersion")
    if version and version != item["metadata"]["resourceVersion"]:
        raise Refusal(409, "Conflict", "the object has been modified")
    new = merge(item, body) if method == "PATCH" else {**body, "metadata": {
        **item["metadata"], **body["metadata"]}}  # fmt: skip
    item.clear()
    item.update(new)


def _place(path):
    """(resource, namespace, name, subresource), or None for what is no object."""
    words = path.strip("/").split("/")
    if words[0] == "api":
        group, words = "", words[2:]
    else:
        group, words = "/".join(words[1:3]) + "/", words[3:]
    if not words:
        return None
    namespace = ""
    if words[0] == "namespaces" and len(words) > 2 and words[2] not in {"status", "finalize"}:
        namespace, words = words[1], words[2:]
    words += ["", ""]
    return group + words[0], namespace, words[1], words[2]
