"""A service of our own to try a fault on: it answers any request, and hurts nobody's.

It listens on the loopback address of the instance's network, on a free port, only while the agent
proves a fault.
"""

import contextlib
import select
import socket

from chaoskit.agent.proxying import sockets
from chaoskit.agent.proxying.loop import Loop

BODY = b"chaoskit " * 100  # long enough to be cut off or changed
KEPT = 500  # bytes of it that are left where a fault keeps more than there are
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
_END_OF_HEAD = b"\r\n\r\n"
_EVENTS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET


class Canned:
    """Answers each request head with the same answer, and ends when the client does."""

    def __init__(self, loop: Loop) -> None:
        """Raises OSError when it cannot listen."""
        self._loop = loop
        self._ear = sockets.listen(0, "127.0.0.1")
        self.address: sockets.Address = self._ear.getsockname()
        self._open: dict[int, socket.socket] = {}
        loop.watch(self._ear.fileno(), self._accept, select.EPOLLIN)

    def close(self) -> None:
        """Nobody is served any longer. Idempotent; the port stays known."""
        if self._ear.fileno() >= 0:
            self._loop.forget(self._ear.fileno())
            self._ear.close()
        for one in list(self._open.values()):
            self._end(one)

    def _accept(self, _events: int) -> None:
        with contextlib.suppress(OSError):
            one, _ = self._ear.accept()
            one.setblocking(False)
            self._open[one.fileno()] = one
            heard = bytearray()
            self._loop.watch(one.fileno(), lambda _: self._serve(one, heard), _EVENTS)

    def _serve(self, one: socket.socket, heard: bytearray) -> None:
        try:
            while data := one.recv(1 << 12):
                heard += data
                while (end := heard.find(_END_OF_HEAD)) >= 0:
                    del heard[: end + len(_END_OF_HEAD)]
                    one.send(ANSWER)
        except BlockingIOError:
            return
        except OSError:
            pass  # the fault cut it off
        self._end(one)

    def _end(self, one: socket.socket) -> None:
        self._open.pop(one.fileno(), None)
        self._loop.forget(one.fileno())
        one.close()
