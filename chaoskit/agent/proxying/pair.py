"""A client and the service that it meant to reach, with everything between them passed on.

The end of one direction becomes its end on the other side (a half-close), and a reset on one side
becomes a reset on the other.
"""

import select
import socket
from collections.abc import Callable, Iterator
from typing import Protocol

from chaoskit.agent.proxying import sockets
from chaoskit.agent.proxying.flow import End, Flow, Pipes
from chaoskit.agent.proxying.loop import Loop, Timer

_READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_ENDING = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
_BROKEN = select.EPOLLERR


class Carrier(Protocol):
    """Whatever moves the bytes of a pair; see Raw."""

    def pump(self) -> bool:
        """Move what can be moved; whether there is more at once. Raises OSError: it broke."""
        ...

    def ends(self) -> Iterator[End]:
        """The ends that got everything and will get no more bytes."""
        ...

    def idle(self) -> bool:
        """Whether closing now would cut nothing off."""
        ...

    def release(self) -> None:
        """Give back what it uses. Idempotent."""
        ...


class Raw:
    """Bytes both ways, never looked at."""

    def __init__(
        self, client: End, service: End, pipes: Pipes, *, read: tuple[bytes, bytes] = (b"", b"")
    ) -> None:
        """`read` is what was read of the client and of the service already."""
        self._up = Flow(client, service, pipes, read[0])
        self._down = Flow(service, client, pipes, read[1])

    def pump(self) -> bool:
        """See Carrier."""
        up, down = self._up.pump(), self._down.pump()
        return up or down

    def ends(self) -> Iterator[End]:
        """See Carrier."""
        for flow in (self._up, self._down):
            if flow.ended:
                yield flow.sink

    def idle(self) -> bool:
        """See Carrier: an open stream may be in the middle of anything."""
        return False

    def release(self) -> None:
        """See Carrier."""
        self._up.release()
        self._down.release()


class Pair:
    """One connection through the proxy, from its being accepted to its end."""

    def __init__(
        self, loop: Loop, client: socket.socket, service: socket.socket, on_end: Callable[..., None]
    ) -> None:
        """`on_end(pair, broken)` is called once, when both sockets are closed."""
        self.client = End(client)
        self.service = End(service)
        self.connected = False
        self.close_delay_s: float | None = 0.0  # how long an end is held back; None: for good
        self.on_held: Callable[[], None] = lambda: None
        self._loop = loop
        self._on_end = on_end
        self._told: set[int] = set()  # descriptors that got their end
        self._holding: dict[int, tuple[End, Timer | None]] = {}
        self._queued = False
        self.closed = False
        self.carrier: Carrier

    def begin(self, carrier: Carrier) -> None:
        """Start to listen to both sides."""
        self.carrier = carrier
        self._loop.watch(self.client.descriptor, self._client_ready)
        self._loop.watch(self.service.descriptor, self._service_ready)

    def step(self) -> None:
        """Move what can be moved, and draw the consequences."""
        self._queued = False
        if self.closed or not self.connected:
            return
        try:
            if self.carrier.pump():
                self.again()
            self._pass_ends_on()
        except OSError:
            self.reset()

    def again(self) -> None:
        """Another step, after the others' turn."""
        if not self._queued:
            self._queued = True
            self._loop.again(self.step)

    def reset(self) -> None:
        """Both sides get a RST. Idempotent."""
        self._close(sockets.reset, broken=True)

    def close(self) -> None:
        """Both sides are closed in good order. Idempotent."""
        self._close(lambda one: one.close(), broken=False)

    def let_go(self) -> None:
        """Hold no end back any longer."""
        for end, timer in list(self._holding.values()):
            if timer is not None:
                timer.cancelled = True
            self._finish(end)

    def _client_ready(self, events: int) -> None:
        self._ready(self.client, events)

    def _service_ready(self, events: int) -> None:
        if not self.connected:
            number = self.service.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number or events & _BROKEN:
                self.reset()  # nobody answers there: the client is told as well as can be
                return
            if not events & select.EPOLLOUT:
                return
            self.connected = True
        self._ready(self.service, events)

    def _ready(self, end: End, events: int) -> None:
        if events & _READ:
            end.readable = True
        if events & _ENDING:
            end.ending = True
        if events & select.EPOLLOUT:
            end.writable = True
        self.step()
        if events & _BROKEN and not self.closed:
            # Whatever came before the reset was passed on as far as there was room for it.
            self.reset()

    def _pass_ends_on(self) -> None:
        for end in list(self.carrier.ends()):
            if end.descriptor in self._told or end.descriptor in self._holding:
                continue
            if self.close_delay_s == 0.0:
                self._finish(end)
            else:
                self._hold(end)

    def _hold(self, end: End) -> None:
        timer = None
        if self.close_delay_s is not None:
            timer = self._loop.later(self.close_delay_s, lambda: self._finish(end))
        self._holding[end.descriptor] = (end, timer)
        self.on_held()

    def _finish(self, end: End) -> None:
        """Tell one side that no more bytes come; when both know, the connection is over."""
        self._holding.pop(end.descriptor, None)
        if self.closed or end.descriptor in self._told:
            return
        self._told.add(end.descriptor)
        try:
            end.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()
            return
        if len(self._told) == 2:
            self.close()

    def _close(self, how: Callable[[socket.socket], None], *, broken: bool) -> None:
        if self.closed:
            return
        self.closed = True
        for _, timer in self._holding.values():
            if timer is not None:
                timer.cancelled = True
        for end in (self.client, self.service):
            self._loop.forget(end.descriptor)
            how(end.socket)
        self.carrier.release()
        self._on_end(self, broken)
