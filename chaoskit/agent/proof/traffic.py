"""What becomes of real packets between an instance and its witness: how faults are held to account.

All of it runs in the agent: it has sockets in both networks and one clock, so that no clocks are
compared. Everything is sent without waiting for answers, because a measurement must be over long
before a lease is.

`params` are those of an operation: `pid` of the instance, and `witness` with `pid` and `address`
of another instance and `local`, the address of ours that it reaches.
"""

import errno
import math
import secrets
import select
import socket
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chaoskit.agent.kind import Params
from chaoskit.agent.network.ends import Call, calls, datagram_pair, heard, let_go
from chaoskit.agent.proof.transfer import rate

__all__ = ["Volley", "arrivals", "binomial_range", "rate", "round_trips", "volleys"]

DIRECTIONS = ("in", "out")
_FILLER = bytes(range(40))
_FIRST_RETRY_S = 0.95  # a SYN is sent again after 1 s: what is answered before was not lost
_ANSWERS = frozenset({0, errno.ECONNREFUSED, errno.ECONNRESET})
_SILENCE_S = 0.3  # after the last datagram that was heard: what has not come then is lost


@dataclass(frozen=True, kw_only=True)
class Volley:
    """What became of numbered datagrams that were sent one way."""

    sent: int
    arrived: int  # different ones, unharmed
    altered: int  # with other bytes than were sent
    copies: int  # beyond the first of each
    overtaken: int  # that arrived after one that was sent later


def round_trips(  # noqa: PLR0913  # all have defaults but the number
    params: Params,
    *,
    count: int,
    protocol: str = "udp",
    port: int | None = None,
    timeout_s: float = 2.0,
    gap_s: float = 0.005,
) -> list[float]:
    """Seconds from the instance to its witness and back, of each packet that came back.

    UDP: a datagram and its echo. TCP: connect() until it succeeds or is refused. They are sent
    `gap_s` apart, and waited for until `timeout_s` after the last, or a quarter of that after
    the last that came back. Raises Refused, OSError.
    """
    pace = _Pace(count=count, gap_s=gap_s, timeout_s=timeout_s, silence_s=timeout_s / 4)
    if protocol == "tcp":
        return _connect_times(params, port, pace)
    with datagram_pair(params, port) as (near, far):
        return _echo_times(near, far, pace)


def arrivals(
    params: Params,
    *,
    count: int,
    direction: str = "out",
    protocol: str = "udp",
    port: int | None = None,
) -> int:
    """How many of `count` packets arrive that are sent in that direction, seen from the instance.

    TCP: how many connections are answered (or refused) before the first packet would be sent again.
    That takes a packet each way, so that a loss in both directions is met twice.
    """
    if protocol == "tcp":
        wait_s = _FIRST_RETRY_S
        pace = _Pace(count=count, gap_s=0.001, timeout_s=wait_s, silence_s=wait_s, longest_s=wait_s)
        return sum(one < _FIRST_RETRY_S for one in _connect_times(params, port, pace))
    found = volleys(params, count=count, directions=(direction,), port=port)
    return found[direction].arrived


def volleys(  # noqa: PLR0913  # all have defaults but the number
    params: Params,
    *,
    count: int,
    directions: Sequence[str] = DIRECTIONS,
    port: int | None = None,
    tail: int = 0,
    size_bytes: int = 56,
) -> dict[str, Volley]:
    """Send `count` datagrams each way, and `tail` more that are not counted; what became of them.

    Those behind are what shows that the last ones were overtaken. Raises Refused, OSError.
    """
    pace = _Pace(count=count + tail, gap_s=0.001, timeout_s=2.0, silence_s=_SILENCE_S)
    with datagram_pair(params, port) as (near, far):
        ways = {"out": _Way(near, far, count, size_bytes), "in": _Way(far, near, count, size_bytes)}
        flying = [ways[one] for one in directions]

        def send(number: int) -> None:
            for way in flying:
                way.send(number)

        def receive(one: socket.socket) -> None:
            for way in flying:
                if way.target is one:
                    way.receive()

        _play(pace, send, receive, [way.target for way in flying], lambda: False)
    return {one: ways[one].result() for one in directions}


def binomial_range(count: int, share: float, confidence: float = 0.99) -> tuple[int, int]:
    """The central interval that `count` trials of probability `share` fall into.

    Exact: the quantiles of the binomial distribution, each tail at most (1 - confidence) / 2.
    """
    if share in (0.0, 1.0):
        return (round(count * share),) * 2
    tail = (1 - confidence) / 2
    whole, low = 0.0, -1
    for hits in range(count + 1):
        ways = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
        whole += math.exp(ways + hits * math.log(share) + (count - hits) * math.log1p(-share))
        if low < 0 and whole > tail:
            low = hits
        if whole >= 1 - tail:
            return low, hits
    return low, count


@dataclass(frozen=True, kw_only=True)
class _Pace:
    count: int
    gap_s: float
    timeout_s: float  # after the last was sent, while nothing was heard
    silence_s: float  # after the last was sent or heard
    longest_s: float = 3.0  # after the last was sent, whatever is heard


def _play(
    pace: _Pace,
    send: Callable[[int], None],
    receive: Callable[[Any], None],
    ears: Sequence[socket.socket],
    done: Callable[[], bool],
) -> None:
    """Send at the pace and listen all the while, until all is done or nothing comes any more."""
    started = last_at = time.monotonic()
    end_at = started + pace.longest_s
    sent, patience_s = 0, pace.timeout_s
    while not done() and (now := time.monotonic()) < min(last_at + patience_s, end_at):
        if sent < pace.count and now >= started + sent * pace.gap_s:
            send(sent)
            sent, last_at = sent + 1, now
            end_at = now + pace.longest_s
        due = started + sent * pace.gap_s if sent < pace.count else last_at + patience_s
        ready, _, _ = select.select(ears, [], [], max(0.0, due - time.monotonic()))
        for one in ready:
            receive(one)
            last_at, patience_s = time.monotonic(), pace.silence_s


def _echo_times(near: socket.socket, far: socket.socket, pace: _Pace) -> list[float]:
    token = secrets.token_bytes(8)
    sent: dict[bytes, float] = {}
    found: dict[bytes, float] = {}

    def send(number: int) -> None:
        text = token + number.to_bytes(4, "big") + _FILLER
        sent[text] = time.monotonic()
        let_go(near, text, far.getsockname())

    def receive(one: socket.socket) -> None:
        for text, address in heard(one):
            if one is far and text.startswith(token):
                let_go(far, text, address)
            elif one is near and text in sent:
                found.setdefault(text, time.monotonic() - sent[text])

    _play(pace, send, receive, (near, far), lambda: len(found) == pace.count)
    return list(found.values())


def _connect_times(params: Params, port: int | None, pace: _Pace) -> list[float]:
    with calls(params, pace.count, port) as tried:
        return _Dial(tried, pace).times()


class _Dial:
    """Many connections at once, each timed until it is answered."""

    def __init__(self, tried: Sequence[Call], pace: _Pace) -> None:
        self._tried = tried
        self._pace = pace
        self._started: dict[int, float] = {}
        self._found: list[float] = []
        self._poller = select.epoll()

    def times(self) -> list[float]:
        pace = self._pace
        with self._poller:
            _play(pace, self._send, self._receive, [self._poller], self._done)  # type: ignore[list-item]
        return self._found

    def _done(self) -> bool:
        return len(self._found) == self._pace.count

    def _send(self, number: int) -> None:
        one = self._tried[number]
        self._started[one.caller.fileno()] = time.monotonic()
        one.caller.connect_ex(one.target)
        self._poller.register(one.caller, select.EPOLLOUT | select.EPOLLONESHOT)

    def _receive(self, _poller: object) -> None:
        now = time.monotonic()
        by_number = {one.caller.fileno(): one.caller for one in self._tried}
        for number, _ in self._poller.poll(0):
            failure = by_number[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure in _ANSWERS:
                self._found.append(now - self._started[number])


class _Way:
    """Numbered datagrams from one socket to another."""

    def __init__(
        self, source: socket.socket, target: socket.socket, counted: int, size_bytes: int
    ) -> None:
        self._source = source
        self.target = target
        self._counted = counted
        self._token = secrets.token_bytes(8)
        self._filler = bytes(max(0, size_bytes - 16))
        self._numbers: dict[bytes, int] = {}
        self._order: list[int] = []
        self._altered = 0

    def send(self, number: int) -> None:
        name = number.to_bytes(4, "big")
        # The sum keeps a datagram with a flipped bit from being taken for another one.
        text = self._token + name + zlib.crc32(name).to_bytes(4, "big") + self._filler
        let_go(self._source, text, self.target.getsockname())
        self._numbers[text] = number

    def receive(self) -> None:
        sender = self._source.getsockname()
        for text, address in heard(self.target):
            if text in self._numbers:
                self._order.append(self._numbers[text])
            elif address == sender:
                self._altered += 1

    def result(self) -> Volley:
        seen: set[int] = set()
        highest, overtaken, copies = -1, 0, 0
        for number in self._order:
            if number in seen:
                copies += number < self._counted
                continue
            seen.add(number)
            overtaken += number < min(highest, self._counted)
            highest = max(highest, number)
        return Volley(
            sent=sum(number < self._counted for number in self._numbers.values()),
            arrived=sum(number < self._counted for number in seen),
            altered=self._altered,
            copies=copies,
            overtaken=overtaken,
        )
