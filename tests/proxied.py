"""A proxy in a process of its own, and the two sides of a connection through it."""

import hashlib
import json
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
PATIENCE_S = 10.0
SIZES = (0, 1, 17, 65_535, 65_536, 65_537, 300_000, 2_000_000)


class ProxyProcess:
    """The proxy's program, with what a test says on its command pipe."""

    def __init__(self, to, **config):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proxy_host"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        ready = self.ask({"to": to, **config})
        self.address = ("127.0.0.1", ready["port"])
        self.pid = self._process.pid

    def ask(self, order):
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def facts(self):
        return self.ask({"do": "facts"})

    def resident_bytes(self):
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * 4096

    def connect(self):
        one = socket.create_connection(self.address, timeout=PATIENCE_S)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return one

    def close(self):
        self._process.stdin.close()
        try:
            return self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.stdout.close()
            self._process.wait()


@contextmanager
def proxy_to(to, **config):
    one = ProxyProcess(to, **config)
    try:
        yield one
    finally:
        one.close()


@contextmanager
def listening():
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as ear:
        ear.settimeout(PATIENCE_S)
        yield ear


def accepted(ear):
    one, _ = ear.accept()
    one.settimeout(PATIENCE_S)
    return one


def reset(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


class Side(threading.Thread):
    """One side of a conversation: says what it has to say in pieces, and hears to the end."""

    def __init__(self, one, seed, *, says, end_first):
        super().__init__(daemon=True)
        self._socket = one
        self._chance = Random(seed)
        self.said = self._chance.randbytes(says)
        self._end_first = end_first
        self.heard = hashlib.sha256()
        self.error = None
        self.start()

    def run(self):
        try:
            hearing = threading.Thread(target=self._hear, daemon=True)
            hearing.start()
            if not self._end_first:
                self._say()
                hearing.join(PATIENCE_S)
                self._socket.shutdown(socket.SHUT_WR)
            else:
                self._say()
                self._socket.shutdown(socket.SHUT_WR)
                hearing.join(PATIENCE_S)
            assert not hearing.is_alive(), "the end of the other side was not heard"
        except (OSError, AssertionError) as error:
            self.error = self.error or error

    def _say(self):
        rest = memoryview(self.said)
        while rest:
            size = self._chance.choice((1, 100, 4096, 65_536, len(rest)))
            self._socket.sendall(rest[:size])
            rest = rest[size:]

    def _hear(self):
        try:
            while data := self._socket.recv(self._chance.choice((512, 8192, 1 << 18))):
                self.heard.update(data)
        except OSError as error:
            self.error = error


def converse(proxy, ear, seed):
    """A conversation of two sides in random sizes; what is wrong about it, or ""."""
    chance = Random(seed)
    client = proxy.connect()
    service = accepted(ear)
    ends_first = chance.choice(("client", "service", "both"))
    sides = [
        Side(one, seed * 2 + number, says=chance.choice(SIZES), end_first=first)
        for number, (one, first) in enumerate(
            ((client, ends_first != "service"), (service, ends_first != "client"))
        )
    ]
    for side in sides:
        side.join(PATIENCE_S * 2)
    wrong = [str(side.error or "does not end") for side in sides if side.error or side.is_alive()]
    for side, other in (sides, reversed(sides)):
        if side.heard.digest() != hashlib.sha256(other.said).digest():
            wrong.append("other bytes were heard than were said")
    client.close()
    service.close()
    return "; ".join(wrong)
