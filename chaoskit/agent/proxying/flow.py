"""One direction of a connection: bytes from one end to the other, unchanged and in order.

Little data is copied, which is quickest for it. When a read fills the buffer, the flow goes over to
splice: from socket to socket through a pipe, without touching the bytes. Nothing is read that
the last piece has not made room for, so a slow reader slows the writer down and no memory grows.
"""

import contextlib
import fcntl
import os
import socket

_CHUNK = 1 << 16  # bytes of one copy
_SPLICE = 1 << 19  # bytes of one splice
_PIPE = 1 << 19  # bytes that a pipe has room for, where the kernel lets us
_TURNS = 16  # pieces before others have their turn
_KEPT = 64  # idle pipes
_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK

_room = bytearray(_CHUNK)
_view = memoryview(_room)


class End:
    """One socket of a connection, and what epoll last said about it."""

    __slots__ = ("descriptor", "ending", "readable", "socket", "writable")

    def __init__(self, one: socket.socket) -> None:
        self.socket = one
        self.descriptor = one.fileno()
        self.readable = False
        self.writable = False
        self.ending = False  # the other side will send no more: read until the end is seen

    def receive(self) -> memoryview:
        """What is there, b"" at the end. The view is valid until the next call.

        Raises BlockingIOError when there is nothing, and OSError when the connection broke.
        """
        try:
            size = self.socket.recv_into(_room)
        except BlockingIOError:
            self.readable = False
            raise
        if size < _CHUNK and not self.ending:
            self.readable = False  # an edge will tell of more
        return _view[:size]

    def send(self, data: bytes | bytearray | memoryview) -> int:
        """How many bytes were taken. Raises OSError when the connection broke."""
        try:
            size = self.socket.send(data)
        except BlockingIOError:
            size = 0
        if size < len(data):
            self.writable = False
        return size


class Pipes:
    """Pipes that wait to be used again; there are as many as flows have bytes under way."""

    def __init__(self) -> None:
        self._idle: list[tuple[int, int]] = []

    def take(self) -> tuple[int, int] | None:
        """An empty pipe, or None when the machine has no more."""
        if self._idle:
            return self._idle.pop()
        try:
            pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, _PIPE)
        return pipe

    def give(self, pipe: tuple[int, int], *, empty: bool) -> None:
        """Back after use; what still has bytes in it is closed."""
        if empty and len(self._idle) < _KEPT:
            self._idle.append(pipe)
        else:
            os.close(pipe[0])
            os.close(pipe[1])


class Flow:
    """From `source` to `sink`. `pump` moves what can be moved without waiting."""

    def __init__(self, source: End, sink: End, pipes: Pipes, waiting: bytes = b"") -> None:
        self.source = source
        self.sink = sink
        self.ended = False  # the source has ended, and everything before that was passed on
        self._pipes = pipes
        self._waiting: bytes | bytearray | memoryview = waiting  # read, and not sent
        self._pipe: tuple[int, int] | None = None
        self._piped = 0  # bytes in the pipe
        self._bulk = False
        self._last = False  # the source's end was seen

    def pump(self) -> bool:
        """Move bytes; whether there is more to be moved at once. Raises OSError: it broke."""
        for _ in range(_TURNS):
            if not self._deliver():
                return False
            if self._last:
                self.ended = True
                return False
            if not self.source.readable:
                self._rest()
                return False
            self._fetch()
        return True

    def release(self) -> None:
        """Give back what the flow uses. Idempotent."""
        if self._pipe is not None:
            self._pipes.give(self._pipe, empty=not self._piped)
            self._pipe = None
            self._piped = 0

    def _deliver(self) -> bool:
        """Pass on what was read; whether nothing of it is left."""
        while self._waiting or self._piped:
            if not self.sink.writable:
                return False
            if self._waiting:
                sent = self.sink.send(self._waiting)
                self._waiting = self._waiting[sent:] if sent < len(self._waiting) else b""
            elif not self._empty_pipe():
                return False
        return True

    def _empty_pipe(self) -> bool:
        assert self._pipe is not None
        try:
            moved = os.splice(self._pipe[0], self.sink.descriptor, self._piped, flags=_FLAGS)
        except BlockingIOError:
            self.sink.writable = False
            return False
        self._piped -= moved
        return True

    def _fetch(self) -> None:
        """Read a piece. There is nothing before it that was not passed on."""
        if self._bulk and (self._pipe is not None or self._borrow()):
            self._fill_pipe()
            return
        try:
            data = self.source.receive()
        except BlockingIOError:
            return
        if not data:
            self._last = True
            return
        self._bulk = len(data) == _CHUNK
        sent = self.sink.send(data) if self.sink.writable else 0
        if sent < len(data):
            self._waiting = bytes(data[sent:])

    def _fill_pipe(self) -> None:
        assert self._pipe is not None
        try:
            self._piped = os.splice(self.source.descriptor, self._pipe[1], _SPLICE, flags=_FLAGS)
        except BlockingIOError:
            self.source.readable = False  # the pipe is empty, so it is the socket
            return
        self._last = self._piped == 0

    def _borrow(self) -> bool:
        self._pipe = self._pipes.take()
        return self._pipe is not None

    def _rest(self) -> None:
        """Nothing is under way: somebody else may need the pipe more."""
        self._bulk = self._bulk and self._pipe is not None
        self.release()
