"""Receivers that behave as the real ones do at their interface, on loopback; for tests of exporters."""

import json
import re
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(answer):
    """A server whose every request is `answer(method, path, headers, body)`: status and body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, reply = answer(self.command, self.path, self.headers, body)
            with suppress(OSError):  # whoever asked did not wait
                self.send_response(status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815  # the library's names

        def log_message(self, *words):
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Grafana:
    """Grafana's annotations, with the rules of its HTTP API: an unruly request is refused."""

    def __init__(self, token="", status=200, slow_s=0.0):
        self.annotations, self.refused, self.asked = {}, [], 0
        self._token, self._status, self._slow_s = token, status, slow_s
        self._lock = threading.Lock()

    def __call__(self, method, path, headers, body):
        time.sleep(self._slow_s)
        with self._lock:
            self.asked += 1
            if self._status != 200:
                return self._status, b'{"message":"no"}'
            status, reply = self._checked(method, path, headers, body)
        if status != 200:
            self.refused.append((method, path, body, reply))
        return status, json.dumps(reply).encode()

    def _checked(self, method, path, headers, body):  # noqa: PLR0911  # one a rule
        if self._token and headers["Authorization"] != f"Bearer {self._token}":
            return 401, {"message": "Unauthorized"}
        if headers["Content-Type"] != "application/json":
            return 400, {"message": "bad request data"}
        said = json.loads(body)
        wrong = [
            key
            for key, value in said.items()
            if key not in {"time": 0, "timeEnd": 0, "tags": [], "text": ""}
            or (
                key.startswith("time")
                and not (isinstance(value, int) and value > 1_600_000_000_000)
            )
            or (key == "tags" and not all(isinstance(one, str) for one in value))
        ]
        if wrong:
            return 400, {"message": f"bad request data: {wrong}"}
        if method == "POST" and path == "/api/annotations":
            if not said.get("text"):
                return 400, {"message": "Failed to save annotation", "error": "text is empty"}
            number = len(self.annotations) + 1
            self.annotations[number] = {"timeEnd": said.get("time"), **said}
            return 200, {"id": number, "message": "Annotation added"}
        found = re.fullmatch(r"/api/annotations/(\d+)", path)
        if method == "PATCH" and found and int(found[1]) in self.annotations:
            one = self.annotations[int(found[1])]
            if said.get("timeEnd", one["time"]) < one["time"]:
                return 400, {"message": "Bad time range"}
            one.update(said)
            return 200, {"message": "Annotation patched"}
        return 404, {"message": "Not found"}
