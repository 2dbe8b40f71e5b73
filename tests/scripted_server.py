"""A server on loopback that behaves as it is told, and can change its mind while it is asked."""

import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"


def answer(raw: bytes) -> Callable[[socket.socket], None]:
    """Send this, and close."""
    return lambda connection: connection.sendall(raw)


def refuse_politely(connection: socket.socket) -> None:
    """Close without a word."""


def reset(connection: socket.socket) -> None:
    """Answer with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class ScriptedServer:
    """Accepts, reads a request, and does what `behave` says; None means never to answer."""

    def __init__(self, behave: Callable[[socket.socket], None] | None = None) -> None:
        self.behave = behave
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._listener.getsockname()[1])
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        for connection in self._held:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            behave = self.behave
            if behave is None:
                self._held.append(connection)
                continue
            with connection:
                connection.settimeout(2)
                try:
                    self.requests.append(connection.recv(65536))
                    behave(connection)
                except OSError:
                    pass
