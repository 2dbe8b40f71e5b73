"""A Chaos Toolkit probe for PostgreSQL: does the server accept connections, and not only its port?

For the hypothesis, as a python provider, with the tolerance true:

    {type: python, module: chaoskit.probes.postgres, func: accepts, arguments: {url: "${pg_url}"}}

It asks what `pg_isready` asks, without a client library: it must be quick when asked many times a
second. It does not log in, so the server notes an incomplete login for each.
"""

import socket
import struct
from urllib.parse import urlsplit

_PROTOCOL = 196608  # version 3.0
_WAIT = (b"C57P03\0", b"C53300\0")  # starting up or shutting down; too many connections


def accepts(url: str, timeout: float = 0.5, user: str = "postgres") -> bool:
    """Whether the server would log somebody in; a refused user or password counts as yes.

    `timeout` is in seconds, for connecting and for each part of the answer.
    """
    parts = urlsplit(url if "://" in url else f"tcp://{url}")
    address = (parts.hostname or "127.0.0.1", parts.port or 5432)
    body = struct.pack("!i", _PROTOCOL) + b"user\0" + user.encode() + b"\0\0"
    try:
        with socket.create_connection(address, timeout) as connection:
            connection.sendall(struct.pack("!i", len(body) + 4) + body)
            kind, said = _message(connection)
    except OSError:
        return False
    return kind == b"R" or (kind == b"E" and not any(code in said for code in _WAIT))


def _message(connection: socket.socket) -> tuple[bytes, bytes]:
    """The server's first message: its kind and its body; nothing when it hung up."""
    head = _exactly(connection, 5)
    if len(head) < 5:
        return b"", b""
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], _exactly(connection, min(max(length - 4, 0), 4096))


def _exactly(connection: socket.socket, length: int) -> bytes:
    heard = b""
    while len(heard) < length:
        more = connection.recv(length - len(heard))
        if not more:
            break
        heard += more
    return heard
