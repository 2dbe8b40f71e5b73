"""One ask in flight over a connection of its own."""

import errno
import select
import socket
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from chaoskit.probes.base import UNRESOLVED, Dialogue, Judgement, Question, from_errno
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.schedule import Lane, Turn

_TYPE = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_CONNECTING = {errno.EINPROGRESS, errno.EALREADY}
_READ_BYTES = 65536
_IN = select.EPOLLIN | select.EPOLLRDHUP
_OUT = select.EPOLLOUT

Finish = Callable[["Ask", Judgement, int], None]


class Ask(Protocol):
    """What the sampler knows of an ask, whoever carries it out."""

    lane: Lane
    turn: Turn
    sent_ns: int
    deadline_ns: int
    over: bool

    def begin(self) -> None:
        """Begin; may finish at once."""
        ...

    def expire(self) -> None:
        """The time is over: finish now."""
        ...


class ConnectionAsk:
    """Connects, carries the dialogue's bytes, and finishes exactly once."""

    __slots__ = (
        "_address",
        "_dialogue",
        "_finish",
        "_hub",
        "_mask",
        "_question",
        "_socket",
        "deadline_ns",
        "lane",
        "over",
        "sent_ns",
        "turn",
    )

    def __init__(
        self, lane: Lane, turn: Turn, question: Question, *, hub: Hub, finish: Finish
    ) -> None:
        self.lane = lane
        self.turn = turn
        self.sent_ns = monotonic_ns()
        self.deadline_ns = self.sent_ns + lane.timeout_ns
        self.over = False
        self._question = question
        self._hub = hub
        self._finish = finish
        self._socket: socket.socket | None = None
        self._dialogue: Dialogue = question.open()
        self._address = 0  # which of the question's addresses is tried
        self._mask = 0  # what epoll watches for

    def begin(self) -> None:
        """Connect, and say the first words when that succeeds at once, as on loopback it does."""
        if not self._question.addresses:
            self._end(UNRESOLVED)
            return
        family, address = self._question.addresses[self._address]
        try:
            self._socket = made = socket.socket(family, _TYPE)
        except OSError as problem:
            self._end(from_errno(problem.errno or 0))
            return
        failed = made.connect_ex(address)
        if failed in _CONNECTING:
            # On loopback the handshake was done while we were in the kernel: asking again tells.
            failed = made.connect_ex(address)
        if failed in _CONNECTING:
            self._watch(_OUT)
        elif failed:
            self._failed(failed)
        else:
            self._connected()

    def ready(self, mask: int) -> None:
        """The connection stands, broke, or has something to read or room to write."""
        connection = self._socket
        if connection is None:
            return
        if self._mask & _OUT:
            failed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                self._failed(failed)
            elif self._mask & _IN:
                self._send()
            else:
                self._connected()
        if mask & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLRDHUP | select.EPOLLERR):
            self._read(connection)

    def expire(self) -> None:
        """No judgement in time."""
        self._end(self._dialogue.expired())

    def _read(self, connection: socket.socket) -> None:
        if connection is not self._socket:
            return  # a failure or a redirect has just replaced it
        try:
            data = connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as problem:
            self._end(from_errno(problem.errno or 0))
            return
        done_ns = monotonic_ns()
        judgement = self._dialogue.feed(data) if data else self._dialogue.ended()
        if judgement is None:
            self._send()
        elif judgement.follow is not None:
            self._follow(judgement.follow)
        else:
            self._end(judgement, done_ns)

    def _connected(self) -> None:
        judgement = self._dialogue.connected()
        if judgement is not None:
            self._end(judgement)
        else:
            self._send()

    def _send(self) -> None:
        dialogue, connection = self._dialogue, self._socket
        if connection is None:
            return
        if dialogue.outbox:
            try:
                sent = connection.send(dialogue.outbox, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                sent = 0
            except OSError as problem:
                self._send_failed(connection, problem.errno or 0)
                return
            dialogue.outbox = dialogue.outbox[sent:]
        self._watch(_IN | _OUT if dialogue.outbox else _IN)

    def _send_failed(self, connection: socket.socket, number: int) -> None:
        # A server may answer (413, say) and close while we still send: then the answer counts.
        self._dialogue.outbox = b""
        if number == errno.EPIPE:
            self._read(connection)
        if not self.over and self._socket is connection:
            self._end(from_errno(number))

    def _watch(self, mask: int) -> None:
        if self._mask == mask or self._socket is None:
            return
        if self._mask:
            self._hub.change(self._socket.fileno(), mask)
        else:
            self._hub.watch(self._socket.fileno(), mask, self)
        self._mask = mask

    def _failed(self, number: int) -> None:
        """Connecting failed: on to the name's next address, as any HTTP client would."""
        self._drop()
        self._address += 1
        if self._address < len(self._question.addresses):
            self.begin()
        else:
            self._end(from_errno(number))

    def _follow(self, question: Question) -> None:
        self._drop()
        self._question, self._address = question, 0
        self._dialogue = question.open()
        self.begin()

    def _drop(self) -> None:
        if self._socket is not None:
            if self._mask:
                self._hub.forget(self._socket.fileno())
                self._mask = 0
            self._socket.close()
            self._socket = None

    def _end(self, judgement: Judgement, done_ns: int = 0) -> None:
        if not self.over:
            self._drop()
            self.over = True
            self._finish(self, judgement, done_ns or monotonic_ns())
