"""A server whose outages are known: it causes them itself and notes when, on CLOCK_MONOTONIC.

- crash: the listening socket is closed and open connections are reset; later it listens again.
- hang: connections are accepted and requests taken, but nothing is answered, not even later: what
  came during the hang is reset when it ends.
- slow: requests taken during the outage are answered after `slow_s`, longer than any timeout.

In all three a request fails exactly when it arrives in [begin, end): those are the instants noted.

Standard input: a line with the script, then a line to start. Standard output: the port, then the
instants.
"""

import heapq
import json
import select
import socket
import struct
import sys
from contextlib import suppress
from time import monotonic_ns
from typing import Any

_NS = 1_000_000_000
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
_BACKLOG = 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Server:
    """One epoll loop that answers, and breaks by script."""

    def __init__(self, slow_s: float) -> None:
        self.port = 0
        self._slow_ns = round(slow_s * _NS)
        self._state = "up"
        self._epoll = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._held: list[socket.socket] = []  # requests that a hang has swallowed
        self._delayed: list[tuple[int, int, socket.socket]] = []
        self._listen()

    def serve_until(self, until_ns: int) -> None:
        """Serve, to the millisecond."""
        while (left_ns := until_ns - monotonic_ns()) > 0:
            if self._delayed:
                left_ns = min(left_ns, max(0, self._delayed[0][0] - monotonic_ns()))
            for fd, _ in self._epoll.poll(left_ns / _NS):
                if fd == self._listener.fileno():
                    self._accept_all()
                elif fd in self._open:
                    self._take(self._open.pop(fd))
            self._answer_delayed()

    def begin(self, kind: str) -> int:
        """Break; returns when."""
        self._accept_all()
        if kind != "crash":
            self._state = kind
            return monotonic_ns()
        before_ns = monotonic_ns()
        self._epoll.unregister(self._listener.fileno())
        self._listener.close()  # resets what was not accepted yet
        after_ns = monotonic_ns()
        for connection in self._open.values():
            _reset(connection)
        self._open.clear()
        return (before_ns + after_ns) // 2

    def end(self, kind: str) -> int:
        """Mend; returns when."""
        if kind == "crash":
            self._listen()
            return monotonic_ns()
        self._accept_all()
        for connection in list(self._open.values()):  # sent, but not read yet
            self._take(self._open.pop(connection.fileno()))
        self._state = "up"
        ended_ns = monotonic_ns()
        for connection in self._held:
            _reset(connection)
        self._held.clear()
        return ended_ns

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._epoll.register(self._listener.fileno(), select.EPOLLIN)

    def _accept_all(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        try:
            request = connection.recv(65536)
        except BlockingIOError:
            if connection.fileno() not in self._open:
                self._open[connection.fileno()] = connection
                self._epoll.register(connection.fileno(), select.EPOLLIN)
            return
        except OSError:
            request = b""
        if not request:
            connection.close()
        elif self._state == "hang":
            self._held.append(connection)
        elif self._state == "slow":
            at_ns = monotonic_ns() + self._slow_ns
            heapq.heappush(self._delayed, (at_ns, connection.fileno(), connection))
        else:
            _answer(connection)

    def _answer_delayed(self) -> None:
        while self._delayed and self._delayed[0][0] <= monotonic_ns():
            _answer(heapq.heappop(self._delayed)[2])


def _answer(connection: socket.socket) -> None:
    with suppress(OSError):  # the client gave up
        connection.send(_ANSWER)
    connection.close()


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()


def main() -> None:
    """Play the script once."""
    script: dict[str, Any] = json.loads(sys.stdin.readline())
    server = Server(script["slow_s"])
    print(server.port, flush=True)
    # Others get ready meanwhile, and may ask.
    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    while not waiting.poll(0):
        server.serve_until(monotonic_ns() + 5_000_000)
    sys.stdin.readline()
    instants = []
    for outage in script["outages"]:
        server.serve_until(monotonic_ns() + round(outage["after_s"] * _NS))
        begun_ns = server.begin(outage["kind"])
        if outage["kind"] == "crash":
            _sit_out(begun_ns + round(outage["length_s"] * _NS))
        else:
            server.serve_until(begun_ns + round(outage["length_s"] * _NS))
        instants.append([outage["kind"], begun_ns, server.end(outage["kind"])])
    server.serve_until(monotonic_ns() + _NS)
    print(json.dumps(instants), flush=True)


def _sit_out(until_ns: int) -> None:
    nothing = select.poll()
    while (left_ns := until_ns - monotonic_ns()) > 0:
        nothing.poll(left_ns / 1e6)


if __name__ == "__main__":
    main()
