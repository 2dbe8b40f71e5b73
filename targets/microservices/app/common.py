"""What the four services share: an HTTP server, and a guard around every dependency.

RESILIENCE=off takes a service's guards away: then it waits for a dependency as long as the client
library does, which is what software does that nobody has made to survive anything.
"""

import http.client
import os
import queue
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import redis

PORT = 8080
RESILIENT = os.environ.get("RESILIENCE", "on") == "on"
PATIENCE_S = 5.0  # of a client library, without a guard

# Calls to one dependency at the same time. At least what comes during one time-out, or a slow
# dependency fills them all before the breaker knows: 15 a second times 1.2 s are 18.
SLOTS = int(os.environ.get("SLOTS") or 24)
FAILURES = 3  # in a row open the breaker
TRY_AFTER_S = 0.5  # an open breaker lets one call through
BACK_OFF_S = 0.02  # before the second try


class Failed(Exception):
    """A dependency did not do it; nothing is done about it but to say so."""


class Unavailable(Failed):
    """A guarded dependency did not do it, or not in time: whoever has a fallback takes it."""


def say(text):
    print(text, flush=True)


class Guard:
    """Time-out, bulkhead, one retry, and circuit breaker around one dependency.

    Whatever is called must be harmless when it is done twice. What is late goes on in its slot and is
    not waited for; when every slot is taken, the next call fails at once.
    """

    def __init__(self, name, timeout_s):
        self.name = name
        self.timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(SLOTS, thread_name_prefix=name)
        self._slots = threading.Semaphore(SLOTS)
        self._lock = threading.Lock()
        self._failures = 0
        self._next_try_s = 0.0

    def call(self, work, *arguments):
        """What `work` returns. Raises Unavailable; without guards Failed."""
        if not RESILIENT:
            return self._trust(work, arguments)
        try:
            self._admit()
            result = self._start(work, arguments).result(self.timeout_s)
        except TimeoutError:
            why = f"no answer within {self.timeout_s:g} s"
            raise self._failed(why) from None
        except ERRORS as error:
            raise self._failed(str(error).strip()) from error
        self._worked()
        return result

    def _trust(self, work, arguments):
        try:
            return work(*arguments)
        except ERRORS as error:
            why = f"{self.name}: {error}"
            raise Failed(why) from error

    def _start(self, work, arguments):
        if not self._slots.acquire(blocking=False):
            why = "no slot is free"
            raise self._failed(why)
        future = self._pool.submit(self._twice, work, arguments)
        future.add_done_callback(lambda _: self._slots.release())
        return future

    def _twice(self, work, arguments):
        begun_s = time.monotonic()
        try:
            return work(*arguments)
        except ERRORS:
            if time.monotonic() - begun_s > self.timeout_s / 2:
                raise  # nobody would wait for it
            time.sleep(BACK_OFF_S)
            return work(*arguments)

    def _admit(self):
        with self._lock:
            if self._failures < FAILURES:
                return
            if time.monotonic() < self._next_try_s:
                why = f"{self.name}: breaker open"
                raise Unavailable(why)
            self._next_try_s = time.monotonic() + TRY_AFTER_S

    def _failed(self, why):
        """Count it; the error to raise."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES:
                self._next_try_s = time.monotonic() + TRY_AFTER_S
                say(f"breaker of {self.name} is open: {why}")
        return Unavailable(f"{self.name}: {why}")

    def _worked(self):
        with self._lock:
            if self._failures >= FAILURES:
                say(f"breaker of {self.name} is closed")
            self._failures = 0


class Database:
    """PostgreSQL over a few connections that are kept."""

    def __init__(self):
        self._idle = queue.LifoQueue()
        limits = {"connect_timeout": int(PATIENCE_S)}
        if RESILIENT:
            # libpq takes no connect_timeout below 2 s; the guard's own is shorter.
            limits = {"connect_timeout": 2, "tcp_user_timeout": 1000}
            limits["options"] = "-c statement_timeout=1000"
        self._target = {"host": "db", "user": "postgres", "dbname": "postgres", **limits}

    def ask(self, sql, *values):
        """The rows of a query, or nothing of a command. Each is a transaction of its own."""
        connection = self._connection()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                rows = cursor.fetchall() if cursor.description else []
        except psycopg2.Error:
            connection.close()
            raise
        self._idle.put(connection)
        return rows

    def _connection(self):
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            connection = psycopg2.connect(**self._target)
            connection.autocommit = True
            return connection


def redis_at(host):
    """A client of a Redis server."""
    limit_s = 1.0 if RESILIENT else PATIENCE_S
    return redis.Redis(host, socket_connect_timeout=limit_s, socket_timeout=limit_s)


def ask(method, host, path, patience_s=PATIENCE_S):
    """Another service's answer, (status, body). A status of 5xx is an error like any other."""
    connection = http.client.HTTPConnection(host, PORT, timeout=patience_s)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read().decode()
    finally:
        connection.close()
    if answer.status >= 500:
        why = f"{host} answers {answer.status}"
        raise http.client.HTTPException(why)
    return answer.status, body


def drain(stream, name, store):
    """For ever: bring what was left in a stream to the database, then take it off the stream.

    Who dies in between does it again, so `store` must be harmless when it is done twice.
    """
    broker = redis_at("queue")
    while True:
        try:
            for key, fields in broker.xrange(name, count=100):
                store(fields[b"id"].decode())
                broker.xdel(name, key)
                say(f"{stream} {fields[b'id'].decode()} taken off the queue")
        except ERRORS:
            time.sleep(TRY_AFTER_S)
        time.sleep(0.1)


def in_background(work, *arguments):
    """A thread that nobody waits for."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


ERRORS = (OSError, http.client.HTTPException, psycopg2.Error, redis.RedisError)


def serve(answer):
    """Serve until a signal ends the process. `answer(method, [words of the path])` → (status, text)."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _serve(self):
            try:
                try:
                    status, text = answer(self.command, self.path.strip("/").split("/"))
                except Failed as error:
                    status, text = 503, f"{error}\n"
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # the client left

        do_GET = do_POST = _serve  # noqa: N815

        def log_request(self, code="-", size="-"):
            """Nothing: breakers and fallbacks say what is worth knowing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 1024

    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    say(f"serving on port {PORT}, resilience {'on' if RESILIENT else 'off'}")
    Server(("0.0.0.0", PORT), Handler).serve_forever()
