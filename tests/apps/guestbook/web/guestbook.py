"""A page from the cache, or made anew when the cache says no. When it says nothing, the page waits."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

CACHE = redis.Redis.from_url(os.environ["CACHE_URL"])  # no time-out: the usual mistake


def page() -> bytes:
    try:
        kept = CACHE.get("page")
        if kept is not None:
            return bytes(kept)
        made = b"Nice place. -- Ada\n"
        CACHE.set("page", made, ex=1)
    except redis.ConnectionError:
        made = b"Nice place. -- Ada (not cached)\n"
    return made


class Guestbook(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"ok\n" if self.path == "/healthz" else page()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("", 5000), Guestbook).serve_forever()
