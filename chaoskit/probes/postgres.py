"""Chaos Toolkit probes for PostgreSQL: does it accept connections, does it answer, does it commit?

For the hypothesis, as a python provider, with the tolerance true:

    {type: python, module: chaoskit.probes.postgres, func: accepts, arguments: {url: "${pg_url}"}}

`accepts` asks what `pg_isready` asks, without a client library: it must be quick when asked many times
a second. It does not log in, so the server notes an incomplete login for each.

`answers` and `commits` are what a user does, with psycopg: a new connection, a login, one query. A
server that is up and read-only accepts and answers, and commits nothing.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_PROTOCOL = 196608  # version 3.0
_WAIT = (b"C57P03\0", b"C53300\0")  # starting up or shutting down; too many connections

_TABLE = "CREATE TABLE IF NOT EXISTS chaoskit_probe (at timestamptz NOT NULL)"
_INSERT = "INSERT INTO chaoskit_probe VALUES (now())"


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


def answers(
    url: str,
    timeout: float = 0.5,
    user: str = "postgres",
    password: str = "",
    database: str = "postgres",
) -> bool:
    """Whether a user who logs in can read. `timeout` is in seconds, for all of it."""
    return _tried("SELECT 1", url, timeout, user=user, password=password, dbname=database)


def commits(
    url: str,
    timeout: float = 0.5,
    user: str = "postgres",
    password: str = "",
    database: str = "postgres",
) -> bool:
    """Whether a user who logs in can write a row, and is told that it is committed.

    The table `chaoskit_probe` is made when it is not there. `timeout` is in seconds, for all of it.
    """
    return _tried(_INSERT, url, timeout, user=user, password=password, dbname=database)


def _tried(query: str, url: str, timeout: float, **login: str) -> bool:
    import psycopg  # noqa: PLC0415

    parts = urlsplit(url if "://" in url else f"tcp://{url}")
    conninfo = psycopg.conninfo.make_conninfo(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 5432,
        application_name="chaoskit-probe",
        **login,
    )

    async def ask() -> None:
        deadline_s = asyncio.get_running_loop().time() + timeout
        connection = await asyncio.wait_for(
            psycopg.AsyncConnection.connect(conninfo, autocommit=True), timeout
        )
        with _cut_at(deadline_s, connection):
            await _run(connection, query)

    try:
        asyncio.run(ask())
    except (psycopg.Error, OSError, TimeoutError):
        return False
    return True


@contextmanager
def _cut_at(deadline_s: float, connection: "AsyncConnection") -> Iterator[None]:
    """The connection, which breaks at the deadline.

    Neither libpq nor psycopg bounds a query, and to cancel one would ask the server to give up what
    a user would go on waiting for.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        cut = asyncio.get_running_loop().call_at(deadline_s, _cut, wire)
        try:
            yield
        finally:
            cut.cancel()
            connection.pgconn.finish()


def _cut(wire: socket.socket) -> None:
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


async def _run(connection: "AsyncConnection", query: str) -> None:
    from psycopg.errors import UndefinedTable, UniqueViolation  # noqa: PLC0415

    try:
        await connection.execute(query.encode())
    except UndefinedTable:
        with suppress(UniqueViolation):  # somebody else makes it in this moment
            await connection.execute(_TABLE.encode())
        await connection.execute(query.encode())


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
