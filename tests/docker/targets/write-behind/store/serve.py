"""A store that says yes and writes later: POST /items keeps a line, GET /items returns them all.

Lines go to the file once a second, so what was acknowledged since is lost in a crash.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILE = Path("/srv/items")
FLUSH_EVERY_S = 1.0

lock = threading.Lock()
items = FILE.read_text().splitlines() if FILE.exists() else []
pending = []


def flush():
    """Write what came in, again and again."""
    while True:
        time.sleep(FLUSH_EVERY_S)
        with lock, FILE.open("a") as file:
            file.writelines(f"{one}\n" for one in pending)
            pending.clear()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self):
        """Keep the body."""
        line = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with lock:
            items.append(line)
            pending.append(line)
        self.answer(201, "")

    def do_GET(self):
        """Everything, or a word that we are there."""
        with lock:
            text = "\n".join(items) if self.path == "/items" else "ok\n"
        self.answer(200, text)

    def answer(self, status, text):
        """A whole response."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Quiet."""


threading.Thread(target=flush, daemon=True).start()
ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
