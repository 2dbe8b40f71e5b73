"""One question with a new connection each: for readiness, and for endpoints that bear witness.

A new connection every time, because an old one would be answered by the process that is being
replaced.
"""

import contextlib
import http.client
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

_STAYS_OPEN_S = 0.1
_MOST_BYTES = 4 << 20  # an answer's beginning is enough for a pattern; memory is not for the taking


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: str

    @property
    def ok(self) -> bool:
        """A status of 2xx."""
        return 200 <= self.status < 300


class Asker:
    """Asks one URL, over and over; another thread may break off a question with `close`."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def ask(self) -> Answer | None:
        """The answer, or None when there was none in time."""
        connection = self._connection
        try:
            connection.request("GET", self._path, headers={"Connection": "close"})
            reply = connection.getresponse()
            with contextlib.closing(reply):
                body = reply.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return None  # ValueError, AttributeError: closed under our feet
        finally:
            connection.close()
        return Answer(status=reply.status, body=body.decode("utf-8", errors="replace"))

    def close(self) -> None:
        """Break off the question that another thread is asking, if any."""
        current = self._connection.sock
        if current is not None:
            with contextlib.suppress(OSError):
                current.shutdown(socket.SHUT_RDWR)


def port_serves(address: str, *, timeout_s: float) -> bool:
    """Whether somebody serves at `host:port` or `scheme://host:port`, whatever is spoken there.

    A connection alone says nothing: the engine's own proxy accepts before a container listens, and
    hangs up at once. So the other end must greet, or leave the connection open for a while.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout_s) as one:
            one.settimeout(min(_STAYS_OPEN_S, timeout_s))
            with contextlib.suppress(TimeoutError):
                return bool(one.recv(1))
    except OSError:
        return False
    return True
