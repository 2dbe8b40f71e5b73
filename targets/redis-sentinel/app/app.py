"""An application on Redis: a small HTTP interface, a thread for each request, redis-py's Sentinel client.

    POST /incr/KEY     adds one                GET /get/KEY      its value
    POST /lists/KEY    appends the body        GET /lists/KEY    every entry, a line each
    GET /status        who is in service       GET /ready        200 when everybody is

A request is tried once. 200 means that Redis said so; 503 that it did not, and nobody knows more.
How a write treats a primary that does not accept it is the caller's choice:

    (nothing)          as redis-py does it: the connection is kept
    ?policy=leave      drop the connection, so that the next request asks Sentinel again
    ?policy=wait       200 only when a replica has it too (WAIT 1); else as `leave`
"""

import os
import signal
import socket
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import redis
from redis.sentinel import Sentinel

PORT = 8080
SENTINELS = 3
NODES = 3
SENTINEL_PORT = 26379
CONNECT_S, ANSWER_S = 0.3, 0.5
REPLICA_S = 0.4  # to wait for a replica with ?policy=wait
LAG_S = 2  # a replica that has been silent for longer is not in service
TIMEOUTS = {"socket_connect_timeout": CONNECT_S, "socket_timeout": ANSWER_S}


class NotReplicated(redis.RedisError):
    """The primary has it, and no replica said so in time."""


def addresses(name):
    """The addresses behind a name in the engine's DNS."""
    try:
        return sorted({row[4][0] for row in socket.getaddrinfo(name, None, socket.AF_INET)})
    except OSError:
        return []


class Store:
    """The cluster, as the application sees it."""

    def __init__(self, sentinels):
        self._sentinels = [(one, SENTINEL_PORT) for one in sentinels]
        sentinel = Sentinel(self._sentinels, sentinel_kwargs=dict(TIMEOUTS), **TIMEOUTS)
        self._primary = sentinel.master_for("main")

    def read(self, *command):
        """Ask the primary."""
        return self._primary.execute_command(*command)

    def write(self, policy, *command):
        """Change something. Raises RedisError when it is not certain that it was done."""
        try:
            if policy != "wait":
                return self._primary.execute_command(*command)
            batch = self._primary.pipeline(transaction=False)
            batch.execute_command(*command)
            batch.execute_command("WAIT", 1, int(REPLICA_S * 1000))
            done, replicas = batch.execute()
        except redis.ResponseError as error:
            if policy and "NOREPLICAS" in str(error):
                self._leave()
            raise
        if replicas < 1:
            self._leave()
            raise NotReplicated
        return done

    def _leave(self):
        """Let go of every connection that nobody uses now; the next one asks Sentinel."""
        self._primary.connection_pool.disconnect(inuse_connections=False)

    def status(self):
        """A line for every Sentinel and server in service, asked now over connections of their own."""
        seen = {one[0]: self._seen_by(*one) for one in self._sentinels}
        named = Counter(state["ip"] for state in seen.values() if state).most_common(1)
        primary = named[0][0] if named else None
        lines = []
        for sentinel, state in seen.items():
            if state and state["ip"] == primary:
                others, replicas = state["num-other-sentinels"], state["num-slaves"]
                whole = others >= SENTINELS - 1 and replicas >= NODES - 1
                lines.append(f"sentinel {sentinel} {'in service' if whole else 'is alone'}")
        return lines + (self._servers(primary) if primary else [])

    def _seen_by(self, host, port):
        try:
            with redis.Redis(host, port, **TIMEOUTS) as sentinel:
                return sentinel.sentinel_master("main")
        except redis.RedisError:
            return None

    def _servers(self, primary):
        try:
            with redis.Redis(primary, **TIMEOUTS) as server:
                told = server.info("replication")
        except redis.RedisError:
            return []
        if told["role"] != "master":
            return []
        replicas = [told[f"slave{at}"] for at in range(told["connected_slaves"])]
        linked = [one for one in replicas if one["state"] == "online" and one["lag"] <= LAG_S]
        return [
            f"primary {primary} in service",
            *(f"replica {one['ip']} in service" for one in linked),
        ]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server_version = "app"
    timeout = 5

    def do_GET(self):
        """Reads."""
        self._serve(self._read)

    def do_POST(self):
        """Writes."""
        self._serve(self._write)

    def _serve(self, work):
        parts = urlsplit(self.path)
        policy = parse_qs(parts.query).get("policy", [""])[0]
        words = parts.path.strip("/").split("/")
        try:
            self._answer(*work(words, policy))
        except redis.RedisError as error:
            why = f"{type(error).__name__}: {error}"
            print(f"{self.command} {parts.path!a}: 503, {why}", flush=True)
            self._answer(503, why)
        except OSError:
            pass  # the client left

    def _read(self, words, _policy):
        store = self.server.store
        if words in (["status"], ["ready"]):
            lines = store.status()
            whole = sum("in service" in one for one in lines) == SENTINELS + NODES
            return (200 if whole or words == ["status"] else 503), "\n".join(lines)
        if len(words) == 2 and words[0] == "get":
            return 200, text(store.read("GET", words[1]))
        if len(words) == 2 and words[0] == "lists":
            return 200, "\n".join(map(text, store.read("LRANGE", words[1], 0, -1)))
        return 404, "no such page"

    def _write(self, words, policy):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store = self.server.store
        if len(words) == 2 and words[0] == "incr":
            return 200, text(store.write(policy, "INCR", words[1]))
        if len(words) == 2 and words[0] == "lists":
            return 200, text(store.write(policy, "RPUSH", words[1], body))
        return 404, "no such page"

    def _answer(self, status, body):
        data = f"{body}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, *_):
        """Only what went wrong is worth a line, and `_serve` says it."""


class Server(ThreadingHTTPServer):
    """Threads that nobody waits for, and room for a burst."""

    daemon_threads = True
    request_queue_size = 1024


def text(value):
    """A value of Redis for people."""
    return value.decode() if isinstance(value, bytes) else "" if value is None else str(value)


def main():
    """Serve until a signal ends the process."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while len(found := addresses("sentinel")) < SENTINELS:
        time.sleep(0.1)
    server = Server(("0.0.0.0", PORT), Handler)
    server.store = Store(found)
    print(f"serving on port {PORT}; Sentinels are {', '.join(found)}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
