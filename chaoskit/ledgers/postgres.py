"""postgres: a row for every value, each in a transaction of its own."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from chaoskit.ledgers.base import (
    ACKNOWLEDGED,
    Answer,
    LedgerKind,
    LedgerUnready,
    ReadFailed,
    Run,
    host_and_port,
    setting,
)
from chaoskit.model.ledger import Discipline, Fate

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composed

# SQLSTATE classes that may come after the commit: a lost connection, a shutdown, a defect. All
# others are sent instead of a commit.
_UNSURE = ("08", "40003", "57", "58", "F0", "XX")


@dataclass(frozen=True, kw_only=True)
class Postgres(LedgerKind):
    """A PostgreSQL table: INSERT of every value, committed by itself; SELECT at the end."""

    discipline: ClassVar[Discipline] = Discipline.SET
    url: str = setting("Where it is: host and port.", example="${postgres_url}")
    user: str = setting("Who writes; must be allowed to make a table.", default="postgres")
    password: str = setting("Their password.", default="", example="${postgres_password}")
    database: str = setting("The database.", default="postgres")
    table: str = setting("The table; made when it is not there.", default="chaoskit_ledger")

    def __post_init__(self) -> None:
        host_and_port(self.url, 5432)

    def prepare(self, run: Run) -> None:
        """Make the table. No key in it: a value that is there twice must be seen twice."""
        import psycopg  # noqa: PLC0415

        client = self.open(run)
        try:
            client.make_table()
        except psycopg.Error as error:
            message = f"the table {self.table!r} cannot be made: {error}"
            raise LedgerUnready(message) from None
        finally:
            client.close()

    def open(self, run: Run) -> "Table":
        """A client."""
        return Table(self, run)


class Table:
    """One connection to the table."""

    def __init__(self, settings: Postgres, run: Run) -> None:
        self._settings = settings
        self._run = run
        self._connection: Connection | None = None

    def make_table(self) -> None:
        """Raises psycopg.Error. Two makers at once are one too many, and that is well."""
        import psycopg  # noqa: PLC0415

        with suppress(psycopg.errors.UniqueViolation), self._limited() as connection:
            connection.execute(self._sql("CREATE TABLE IF NOT EXISTS {} (value text NOT NULL)"))

    def write(self, value: str) -> Answer:
        """See Client."""
        import psycopg  # noqa: PLC0415

        try:
            self._connected()
        except psycopg.Error as error:
            return Answer(Fate.FAIL, f"not connected: {_short(error)}")
        try:
            with self._limited() as connection:
                connection.execute(self._sql("INSERT INTO {} VALUES (%s)"), (value,))
        except psycopg.Error as error:
            code = error.sqlstate
            if code is not None and not code.startswith(_UNSURE):
                return Answer(Fate.FAIL, f"refused: {_short(error)}")
            self.close()
            return Answer(Fate.INFO, f"no answer: {_short(error)}")
        return ACKNOWLEDGED

    def read(self) -> list[str]:
        """See Client."""
        import psycopg  # noqa: PLC0415

        query = self._sql("SELECT value FROM {} WHERE starts_with(value, %s)")
        try:
            with self._limited() as connection:
                rows = connection.execute(query, (f"{self._run.token}-",)).fetchall()
        except psycopg.Error as error:
            self.close()
            raise ReadFailed(_short(error)) from error
        return [str(value) for (value,) in rows]

    def close(self) -> None:
        """See Client."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _sql(self, text: str) -> "Composed":
        from psycopg.sql import SQL, Identifier  # noqa: PLC0415

        return SQL(text).format(Identifier(self._settings.table))

    def _connected(self) -> "Connection":
        import psycopg  # noqa: PLC0415

        if self._connection is None:
            settings = self._settings
            host, port = host_and_port(settings.url, 5432)
            self._connection = psycopg.connect(
                host=host,
                port=port,
                user=settings.user,
                password=settings.password or None,
                dbname=settings.database,
                connect_timeout=max(2, round(self._run.timeout_s)),  # libpq takes no less
                application_name="chaoskit-ledger",
                autocommit=True,
                prepare_threshold=None,
            )
        return self._connection

    @contextmanager
    def _limited(self) -> "Iterator[Connection]":
        """The connection; cut when the answer takes too long, since libpq would wait for ever."""
        connection = self._connected()
        with socket.socket(fileno=os.dup(connection.fileno())) as wire:
            limit = threading.Timer(self._run.timeout_s, _cut, (wire,))
            limit.daemon = True
            limit.start()
            try:
                yield connection
            finally:
                limit.cancel()
                limit.join()  # it must not cut the next one


def _cut(wire: socket.socket) -> None:
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


KIND = Postgres
