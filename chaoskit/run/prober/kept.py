"""Asks over connections that are kept: what users of a connection pool see.

They recover at another time than new connections do: a name that has moved is not looked up again, a
connection into a partition hangs, one to a process that died is closed. Several may be in flight, and
then as many connections are kept. One that the other side closed while it was idle is thrown away
unused, as every pool does; one that breaks under an ask is that ask's failure.
"""

import select
import socket
from dataclasses import replace

from chaoskit.probes.base import Judgement, Question
from chaoskit.run.prober.ask import ConnectionAsk, Finish
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.schedule import Lane, Turn

_IDLE = select.EPOLLIN | select.EPOLLRDHUP
_PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class Keep:
    """The idle connections of one lane."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._idle: dict[int, socket.socket] = {}

    def put(self, connection: socket.socket) -> None:
        """Keep one that epoll watches already."""
        number = connection.fileno()
        self._idle[number] = connection
        self._hub.hand_over(number, _IDLE, _Idle(self, number))

    def take(self) -> socket.socket | None:
        """The one that was used last and is still open."""
        while self._idle:
            number, connection = self._idle.popitem()
            try:
                connection.recv(1, _PEEK)
            except BlockingIOError:
                return connection
            except OSError:
                pass
            self._close(number, connection)
        return None

    def drop(self, number: int) -> None:
        """The other side closed it, or said what nobody asked."""
        connection = self._idle.pop(number, None)
        if connection is not None:
            self._close(number, connection)

    def close(self) -> None:
        """All of them."""
        for number in list(self._idle):
            self.drop(number)

    def _close(self, number: int, connection: socket.socket) -> None:
        self._hub.forget(number)
        connection.close()


class _Idle:
    """Waits for the end of a connection that nobody uses."""

    __slots__ = ("_keep", "_number")

    def __init__(self, keep: Keep, number: int) -> None:
        self._keep = keep
        self._number = number

    def ready(self, _mask: int) -> None:
        """Whatever comes now is its end."""
        self._keep.drop(self._number)


class KeptAsk(ConnectionAsk):
    """An ask over a kept connection; over a new one, which is kept then, when none is free."""

    __slots__ = ("_keep", "_moved")

    def __init__(  # noqa: PLR0913 - as its parent, and where connections are kept
        self, lane: Lane, turn: Turn, question: Question, *, hub: Hub, finish: Finish, keep: Keep
    ) -> None:
        super().__init__(lane, turn, question, hub=hub, finish=finish)
        self._keep = keep
        self._moved = False  # a redirect led to another connection

    def begin(self) -> None:
        """Ask at once where there is a connection, else connect."""
        kept = self._keep.take()
        if kept is None:
            super().begin()
            return
        self._socket, self._mask = kept, _IDLE
        self._hub.hand_over(kept.fileno(), _IDLE, self)
        self._connected()

    def _follow(self, question: Question) -> None:
        self._moved = True
        super()._follow(question)

    def _end(self, judgement: Judgement, done_ns: int = 0) -> None:
        connection, usable = self._socket, getattr(self._dialogue, "keeps", False)
        if usable and not self.over and not self._moved and connection is not None and self._mask:
            self._socket, self._mask = None, 0
            self._keep.put(connection)
        super()._end(judgement, done_ns)


def keeping(question: Question) -> Question | None:
    """The same question over a connection that is to be kept; None when it cannot be."""
    return None if question.kept is None else replace(question, open=question.kept)
