"""Redis for ledgers: one connection, one command, and an exact word about what became of it.

redis-py's client repeats a command when its connection breaks. A repeated write is another write,
so its connection is used by itself, without any retry.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chaoskit.ledgers.base import ACKNOWLEDGED, Answer, LedgerUnready, ReadFailed
from chaoskit.model.ledger import Fate

if TYPE_CHECKING:
    from redis.connection import AbstractConnection


class Resp:
    """One connection to a Redis server, made when it is needed."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Raises LedgerUnready for an address that is none."""
        self._url = url
        self._timeout_s = timeout_s
        self._connection: AbstractConnection | None = None
        self._options = self._parsed(url)

    def write(self, *command: Any) -> Answer:
        """Send one command that writes, once."""
        from redis.exceptions import BusyLoadingError, RedisError, ResponseError  # noqa: PLC0415

        try:
            connection = self._connected()
        except (RedisError, OSError) as error:
            return Answer(Fate.FAIL, f"not connected: {error}")
        try:
            connection.send_command(*command, check_health=False)
            connection.read_response()
        except (ResponseError, BusyLoadingError) as refusal:
            return Answer(Fate.FAIL, f"refused: {refusal}")
        except (RedisError, OSError) as error:
            self.close()
            return Answer(Fate.INFO, f"no answer: {error}")
        return ACKNOWLEDGED

    def ask(self, *command: Any) -> Any:
        """The reply to a command that reads. Raises ReadFailed."""
        from redis.exceptions import RedisError  # noqa: PLC0415

        try:
            connection = self._connected()
            connection.send_command(*command, check_health=False)
            return connection.read_response()
        except (RedisError, OSError) as error:
            self.close()
            raise ReadFailed(str(error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.disconnect()
            self._connection = None

    def _connected(self) -> "AbstractConnection":
        if self._connection is None:
            options = dict(self._options)
            made: AbstractConnection = options.pop("connection_class")(**options)
            made.connect()
            self._connection = made
        return self._connection

    def _parsed(self, url: str) -> dict[str, Any]:
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.connection import Connection, parse_url  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        try:
            options = dict(parse_url(url if "://" in url else f"redis://{url}"))
        except ValueError as error:
            message = f"{url!r} is no address of a Redis server: {error}"
            raise LedgerUnready(message) from None
        return {
            "connection_class": Connection,
            **options,
            "socket_timeout": self._timeout_s,
            "socket_connect_timeout": self._timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
            "encoding_errors": "replace",
            "protocol": 2,
            "driver_info": None,
        }


def texts_in(reply: Any) -> str:
    """A reply, however nested, as one text."""
    if isinstance(reply, list | tuple):
        return " ".join(map(texts_in, reply))
    return str(reply)
