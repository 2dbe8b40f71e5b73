"""How fast bytes get from one end to the other: the measure of a bandwidth limit."""

import secrets
import select
import socket
import time
from dataclasses import dataclass, field

from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network.ends import datagram_pair, heard, let_go, stream_pair

DATAGRAM_BYTES = 500
_SKIPPED = 0.2  # of a transfer, before its rate counts: a bucket may be full at the start
_SMALL_SEGMENT_BYTES, _SEGMENT_BYTES = 512, 1460
_TIMESTAMP_BYTES = 12  # an option of each segment
_SHARE = 2  # of a transfer: the part that may be under way at once
_CHUNK = 1 << 16
_SMALL_BYTES = 1 << 16  # transfers below are cut into small segments, to be seen in steps
_LARGEST_WINDOW_BYTES = 1 << 20
_PATIENCE_S = 1.5


def rate(
    params: Params,
    *,
    size_bytes: int,
    direction: str,
    protocol: str = "tcp",
    port: int | None = None,
) -> float:
    """Payload bytes a second of a transfer of that size, seen from the instance.

    Half of it may be under way at once (TCP: a quarter), so that a pause of ours leaves the line busy. What a full bucket lets
    through at the start is not counted. UDP sends datagrams of DATAGRAM_BYTES. A transfer that
    takes longer than 1.5 s is cut off, and its rate so far is returned. Raises Refused when nothing
    arrives, and OSError when an end is gone.
    """
    window_bytes = min(max(size_bytes // _SHARE, 2000), _LARGEST_WINDOW_BYTES)
    meter = _Meter(size_bytes=size_bytes, window_bytes=window_bytes)
    deadline = time.monotonic() + _PATIENCE_S
    if protocol == "udp":
        with datagram_pair(params, port) as (near, far):
            source, sink = (near, far) if direction == "out" else (far, near)
            return meter.datagrams(source, sink, deadline)
    with stream_pair(params, port) as (near, far):
        return meter.stream(near, far, deadline, outwards=direction == "out")


def segment_bytes(size_bytes: int) -> int:
    """The payload of the segments that a TCP transfer of that size is cut into."""
    largest = _SMALL_SEGMENT_BYTES if size_bytes < _SMALL_BYTES else _SEGMENT_BYTES
    return largest - _TIMESTAMP_BYTES


@dataclass(kw_only=True)
class _Meter:
    """A transfer whose rate is taken at its receiving end."""

    size_bytes: int
    window_bytes: int
    _started_at: float = field(default_factory=time.monotonic)
    _begun_at: float = 0.0
    _begun_bytes: int = 0
    _got: int = 0
    _at: float = 0.0

    def stream(
        self, near: socket.socket, far: socket.socket, deadline: float, *, outwards: bool
    ) -> float:
        for one in (near, far):  # the kernel takes twice of what it is told
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.window_bytes // 4)
            if self.size_bytes < _SMALL_BYTES:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SMALL_SEGMENT_BYTES)
        far.listen(1)
        near.connect_ex(far.getsockname())
        select.select([far], [], [], _left(deadline))
        try:
            peer, _ = far.accept()
        except BlockingIOError as error:
            message = "no connection to the witness came about"
            raise Refused(message) from error
        with peer:
            peer.setblocking(False)
            giver, taker = (near, peer) if outwards else (peer, near)
            return self._pump(giver, taker, deadline)

    def _pump(self, giver: socket.socket, taker: socket.socket, deadline: float) -> float:
        block = bytes(_CHUNK)
        left = self.size_bytes
        while self._got < self.size_bytes and time.monotonic() < deadline:
            wanting = [giver] if left else []
            ready, free, _ = select.select([taker], wanting, [], _left(deadline))
            if free:
                left -= giver.send(block[: min(left, _CHUNK)])
            if ready and not self._took(len(taker.recv(_CHUNK))):
                break
        return self._rate()

    def datagrams(self, source: socket.socket, sink: socket.socket, deadline: float) -> float:
        """As many under way as the window has room for; after a silence all room is given back."""
        text = secrets.token_bytes(8) + bytes(DATAGRAM_BYTES - 8)
        where = sink.getsockname()
        under_way = 0
        while self._got < self.size_bytes and time.monotonic() < deadline:
            while under_way < self.window_bytes:
                let_go(source, text, where)
                under_way += len(text)
            ready, _, _ = select.select([sink], [], [], min(0.5, _left(deadline)))
            size = sum(len(one) for one, _ in heard(sink) if one == text)
            under_way = under_way - size if ready else 0
            self._took(size)
        return self._rate()

    def _took(self, size: int) -> int:
        self._got += size
        self._at = time.monotonic() if size else self._at
        if not self._begun_at and self._got >= self.size_bytes * _SKIPPED:
            self._begun_at, self._begun_bytes = self._at, self._got
        return size

    def _rate(self) -> float:
        if not self._got:
            message = f"none of {self.size_bytes} bytes arrived"
            raise Refused(message)
        if not self._begun_at or self._got <= self._begun_bytes:  # it all came at one blow
            self._begun_at, self._begun_bytes = self._started_at, 0
        return (self._got - self._begun_bytes) / max(self._at - self._begun_at, 1e-9)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
