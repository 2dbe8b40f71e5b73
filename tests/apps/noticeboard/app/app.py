"""Says its name, and what the service that it needs says."""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event

NAME = os.environ["NAME"]
NEEDS = os.environ.get("NEEDS", "")


GAVE_UP = Event()


def page() -> str:
    if not NEEDS:
        return f"{NAME}\n"
    if GAVE_UP.is_set():
        raise OSError("the notices could not be had, and are not asked for again")
    try:
        with urllib.request.urlopen(NEEDS, timeout=1) as answer:
            return f"{NAME}, with {answer.read().decode()}"
    except OSError:
        GAVE_UP.set()  # for good: the usual mistake
        raise


class App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            status, text = 200, "ok\n" if self.path == "/health" else page()
        except OSError as error:
            status, text = 502, f"{error}\n"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8080), App).serve_forever()
