"""The front desk: takes a job over HTTP and waits for it to be done, and tells how the queue is.

GET  /job      a job is added, and answered for when its effect is there: 200, or 504 after a second
POST /job      the body is added as a job; 202, nobody waits
GET  /backlog  200 when no job has waited longer than a second; else 503, with the number
GET  /workers  a line for each worker that was heard of in the last two seconds
GET  /dead     the dead letters
"""

import http.server
import signal
import sys
import uuid

import redis

JOBS, DEAD = "jobs", "dead"
WAIT_S = 1.0  # for a job to be done
LATE_MS = 1000  # a job takes 200 ms; one whose worker is gone waits longer than a second

_TIMES = {"socket_connect_timeout": 1, "decode_responses": True}
BROKER = redis.Redis("broker", socket_timeout=1, **_TIMES)
STORE = redis.Redis("store", socket_timeout=WAIT_S + 1, **_TIMES)


def job():
    """Add one, and wait for it as its sender would."""
    reply = f"reply:{uuid.uuid4().hex}"
    BROKER.xadd(JOBS, {"value": "asked", "reply": reply})
    done = STORE.blpop(reply, timeout=WAIT_S)
    return (200, f"done by {done[1]}\n") if done else (504, f"not done within {WAIT_S} s\n")


def backlog():
    """How long the oldest job has waited: those that are done are deleted."""
    pipeline = BROKER.pipeline(transaction=False)
    (seconds, microseconds), oldest = pipeline.time().xrange(JOBS, count=1).execute()
    added_ms = int(oldest[0][0].split("-")[0]) if oldest else None
    waited_ms = seconds * 1000 + microseconds // 1000 - added_ms if oldest else 0
    return (200 if waited_ms <= LATE_MS else 503), f"{waited_ms} ms\n"


def workers():
    """Who said in the last two seconds that it takes jobs.

    The consumers' own `idle` does not tell: in Redis 7.0 one that waits for jobs grows idle too.
    """
    return 200, "".join(f"alive {one[6:]}\n" for one in BROKER.scan_iter("alive:*", count=100))


def dead():
    """Every dead letter."""
    return 200, "".join(f"{fields}\n" for _, fields in BROKER.xrange(DEAD))


PAGES = {"/job": job, "/backlog": backlog, "/workers": workers, "/dead": dead}


class Desk(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """A page."""
        page = PAGES.get(self.path)
        self.answer(page or (lambda: (404, "no such page\n")))

    def do_POST(self):
        """A job for which nobody waits."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.answer(lambda: (202, BROKER.xadd(JOBS, {"value": body}) + "\n"))

    def answer(self, page):
        """What the page says; 503 when there is no broker or no store."""
        try:
            status, text = page()
        except redis.RedisError as error:
            status, text = 503, f"{type(error).__name__}: {error}\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Nothing: fifty lines a second tell nobody anything."""


class Server(http.server.ThreadingHTTPServer):
    """A thread for every request."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(("", 8080), Desk).serve_forever()
