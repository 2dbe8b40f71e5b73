"""The front desk: takes a job over HTTP and waits for it to be done, and tells how the queue is.

GET  /job      a job is added, and answered for when its effect is there: 200, or 504 after a second
POST /job      the body is added as a job; 202 when the broker has it, nobody waits for it
GET  /effects  the effect of every job for which nobody waited
GET  /backlog  200 when no job has waited longer than a second; else 503, with the number
GET  /workers  a line for each worker that was heard of in the last two seconds
"""

import asyncio
import concurrent.futures
import http.server
import json
import re
import signal
import sys
import threading
import time
import uuid
from datetime import datetime

import redis
from queue_of_jobs import EFFECTS, JOBS, STREAM, TROUBLE, connect

WAIT_S = 1.0  # for the broker's answer, and for a job to be done
LATE_MS = 1000  # a job takes 200 ms; one whose worker is gone waits longer than a second

STORE = redis.Redis("store", socket_timeout=WAIT_S + 1, decode_responses=True)


class Broker:
    """The connection, in a thread of its own, for those of the requests."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.connection = None
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self.begin(), self.loop)

    async def begin(self):
        """Until there is a broker."""
        while self.connection is None:
            try:
                self.connection = await connect()
            except TROUBLE:
                await asyncio.sleep(0.1)

    def ask(self, question):
        """What a coroutine made of the connection returns. Raises ConnectionError without one."""
        if self.connection is None or not self.connection.is_connected:
            message = "no broker"
            raise ConnectionError(message)
        asked = asyncio.run_coroutine_threadsafe(question(self.connection), self.loop)
        return asked.result(WAIT_S + 1)

    def add(self, value, reply=None):
        """A job; returns when the broker has acknowledged it."""
        data = json.dumps({"value": value, "reply": reply}).encode()
        return self.ask(lambda it: it.jetstream(timeout=WAIT_S).publish(JOBS, data)).seq

    def oldest(self):
        """When the oldest job that is not done was added, in seconds; None without one."""
        request = f"$JS.API.STREAM.INFO.{STREAM}"
        state = json.loads(self.ask(lambda it: it.request(request, timeout=WAIT_S)).data)["state"]
        if not state["messages"]:
            return None
        return datetime.fromisoformat(
            re.sub(r"(\.\d{1,6})?\d*Z$", r"\1+00:00", state["first_ts"])
        ).timestamp()


BROKER = Broker()


def job():
    """Add one, and wait for it as its sender would."""
    reply = f"reply:{uuid.uuid4().hex}"
    BROKER.add("asked", reply)
    done = STORE.blpop(reply, timeout=WAIT_S)
    return (200, f"done by {done[1]}\n") if done else (504, f"not done within {WAIT_S} s\n")


def backlog():
    """How long the oldest job has waited: the broker forgets those that are done."""
    oldest_s = BROKER.oldest()
    waited_ms = round((time.time() - oldest_s) * 1000) if oldest_s else 0
    return (200 if waited_ms <= LATE_MS else 503), f"{waited_ms} ms\n"


def workers():
    """Who said in the last two seconds that it takes jobs."""
    return 200, "".join(f"alive {one[6:]}\n" for one in STORE.scan_iter("alive:*", count=100))


def effects():
    """Every effect, as often as it is there."""
    return 200, "".join(f"{one}\n" for one in STORE.lrange(EFFECTS, 0, -1))


PAGES = {"/job": job, "/backlog": backlog, "/workers": workers, "/effects": effects}


class Desk(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """A page."""
        self.answer(PAGES.get(self.path) or (lambda: (404, "no such page\n")))

    def do_POST(self):
        """A job for which nobody waits."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.answer(lambda: (202, f"{BROKER.add(body)}\n"))

    def answer(self, page):
        """What the page says; 503 when there is no broker or no store."""
        try:
            status, text = page()
        except (redis.RedisError, concurrent.futures.TimeoutError, *TROUBLE) as error:
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
