"""What containers of a fake cluster write, and how a kubelet tells it: whole, from a second on, or live."""

import contextlib
import threading
import time
from datetime import UTC, datetime

from tests.cluster.store import Refusal


class Log:
    """Everything that one incarnation of a container has written, each line with its time."""

    def __init__(self, pipe):
        self.lines = []  # (wall time in ns, text)
        self.ended = False
        self.changed = threading.Condition()
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                with self.changed:
                    self.lines.append((time.time_ns(), line.rstrip(b"\n")))
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()


def tell(kubelet, handler, namespace, name, _body):
    """GET of a pod's log, with what the real one knows of its words."""
    words = dict(handler.words)
    pod = kubelet.store.get("pods", namespace, name)
    container = words.get("container") or pod["spec"]["containers"][0]["name"]
    one = kubelet.pods.get(pod["metadata"]["uid"], {}).get(container)
    previous = words.get("previous") == "true"
    if one is None or len(one.logs) < (2 if previous else 1):
        what = "previous terminated container" if previous else "container"
        raise Refusal(400, "BadRequest", f'{what} "{container}" in pod "{name}" not found')
    log = one.logs[-2 if previous else -1]
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.api.streams.add(handler)
    try:
        _stream(handler, log, words)
        handler.wfile.write(b"0\r\n\r\n")
    except OSError:
        handler.close_connection = True
    finally:
        handler.api.streams.discard(handler)


def _stream(handler, log, words):
    since_ns = 0
    if "sinceTime" in words:
        since_ns = round(datetime.fromisoformat(words["sinceTime"]).timestamp()) * 10**9
    told = max(0, len(log.lines) - int(words["tailLines"])) if "tailLines" in words else 0
    while True:
        with log.changed:
            if len(log.lines) == told and not log.ended and words.get("follow") == "true":
                log.changed.wait(0.5)
            fresh, told = log.lines[told:], len(log.lines)
            over = log.ended or words.get("follow") != "true"
        for at_ns, text in fresh:
            if at_ns >= since_ns:
                _line(handler, at_ns, text, stamped=words.get("timestamps") == "true")
        if over and told == len(log.lines):
            return


def _line(handler, at_ns, text, *, stamped):
    second = datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    stamp = f"{second}.{at_ns % 10**9:09d}Z ".encode() if stamped else b""
    data = stamp + text + b"\n"
    handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    with contextlib.suppress(ValueError):
        handler.wfile.flush()
