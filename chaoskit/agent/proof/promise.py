"""Promise and measurement: whether real packets meet what a fault of packets says it does.

A round trip is right within 5 % (or 2 ms), a share within the 99 % interval of its binomial
distribution, a rate within 10 %. A machine that is busy for a moment is measured again, up to three
times; shares are then judged on everything that was sent.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.priority import promptly
from chaoskit.agent.proof import traffic
from chaoskit.agent.proof.transfer import DATAGRAM_BYTES, segment_bytes

Counter = Callable[[str], Mapping[str, int]]  # by direction: what the mechanism did so far

_TRIES = 3
_BUDGET_S = 1.5  # after which nothing is tried again: leases of other faults must be renewed
_TRIPS = 20
_TRIPS_WITH_JITTER = 100
_SPREAD_S = 0.5  # that they are sent over: a short pause of ours must not meet most of them
_DELAY_SHARE, _DELAY_FLOOR_S = 0.05, 0.002
_RATE_SHARE = 0.10
_SAMPLING = 2.58  # standard errors: 99 %
_LONGEST_S = 1.5  # of a round trip that is waited for
_PACKETS, _PACKETS_IF_RARE, _RARE = 300, 1000, 0.05
_SMALL_BYTES, _LARGE_BYTES = 56, 1000
_CALLS = 200
_TRANSFER_S = 0.6
_TRANSFER_BYTES = (4_000, 50_000_000)
_DATAGRAM_HEADERS, _SEGMENT_HEADERS = 14 + 20 + 8, 14 + 20 + 32
_UDP_UP_TO_BYTES_PER_S = 5_000_000  # above, the sending costs too much of a core
_WORDS = {
    "loss": "lost",
    "corrupt": "corrupted",
    "duplicate": "duplicated",
    "hold": "overtaken",
}


@dataclass(frozen=True, kw_only=True)
class Path:
    """What the path to the witness was like before the fault."""

    round_trip_s: float
    whole: bool  # every packet came back: no other fault takes any


def look(params: Params) -> Path | None:
    """The path as it is now; None when there is no witness to measure with. Raises OSError."""
    if not params.get("witness"):
        return None
    protocol, port = _meant(params)
    with promptly():
        found = traffic.round_trips(params, count=_TRIPS, protocol=protocol, port=port)
    middle = statistics.median(found) if found else 0.0
    return Path(round_trip_s=middle, whole=len(found) == _TRIPS)


def prove(params: Params, before: Path | None, counted: Counter | None = None) -> str:
    """Promise and measurement in words, of everything that the effect promises.

    `counted` tells by direction how many packets were `seen`, and how many of them were `lost`,
    `corrupted`, `duplicated` or `held_back`, and how many `bytes` went through: the mechanism's own
    count, asked for where sockets cannot tell. Raises Refused when they differ, OSError.
    """
    if before is None:
        return "not measured: no other running instance shares a network with it"
    effect = params["effect"]
    found = []
    if effect.get("delay_s"):
        with promptly():
            found.append(_delay(params, before))
    found += [
        _share(params, before, one, counted)
        for one in ("loss", "corrupt", "duplicate", "hold")
        if effect.get(one)
    ]
    if "rate_bytes_per_s" in effect:
        found += [_rate(params, way, counted) for way in ways_of(params)]
    return "; ".join(found)


def _tries() -> Iterator[int]:
    """Two, and a third while there is time."""
    end_s = time.monotonic() + _BUDGET_S
    for number in range(_TRIES):
        if number > 1 and time.monotonic() >= end_s:
            return
        yield number


def ways_of(params: Params) -> tuple[str, ...]:
    """The directions that the rules name, each once."""
    return tuple(sorted({rule["direction"] for rule in params["rules"]}))


def _meant(params: Params) -> tuple[str, int | None]:
    """The protocol and the port to measure with."""
    rule = params["rules"][0]
    ports = rule.get("ports") or [None]
    return ("tcp" if rule.get("protocol") == "tcp" else "udp"), ports[0]


def _delay(params: Params, before: Path) -> str:
    effect, ways = params["effect"], len(ways_of(params))
    promised_s, jitter_s = effect["delay_s"] * ways, effect.get("jitter_s", 0.0)
    spread = 1 / math.sqrt(3) if effect.get("distribution", "uniform") == "uniform" else 1.0
    deviation_s = jitter_s * spread * math.sqrt(ways)
    protocol, port = _meant(params)
    words = f"promised {_ms(promised_s)} a round trip"
    if before.round_trip_s + promised_s + 3 * deviation_s > _LONGEST_S:
        return _at_least(params, words)
    count = _TRIPS_WITH_JITTER if jitter_s else _TRIPS
    for _ in _tries():
        found = traffic.round_trips(
            params, count=count, protocol=protocol, port=port, gap_s=_SPREAD_S / count
        )
        if not found:
            message = f"{words}; nothing came back"
            raise Refused(message)
        middle = statistics.fmean(found) if jitter_s else statistics.median(found)
        added_s = middle - before.round_trip_s
        words = f"promised {_ms(promised_s)}, measured {_ms(added_s)} over {len(found)} round trips"
        if jitter_s:
            seen_s = statistics.pstdev(found)
            words += f" (standard deviation promised {_ms(deviation_s)}, measured {_ms(seen_s)})"
        allowed_s = max(_DELAY_SHARE * promised_s, _DELAY_FLOOR_S)
        allowed_s += _SAMPLING * deviation_s / math.sqrt(len(found))
        if abs(added_s - promised_s) <= allowed_s:
            return words
    raise Refused(words)


def _at_least(params: Params, words: str) -> str:
    """For what takes longer than may be waited: nothing comes back in the time there is."""
    protocol, port = _meant(params)
    back = traffic.round_trips(params, count=5, protocol=protocol, port=port, timeout_s=1.0)
    if back:
        message = f"{words}; {len(back)} of 5 packets were back within 1 s"
        raise Refused(message)
    return f"{words}; within 1 s none of 5 packets was back, and longer was not waited"


def _share(params: Params, before: Path, name: str, counted: Counter | None) -> str:
    """One share, over all directions: each packet is met once in each direction that it goes."""
    promised = params["effect"][name]
    tally = _Tally(name=name, promised=promised)
    protocol, port = _meant(params)
    by_count = protocol == "tcp" or not before.whole
    if by_count and counted is None:
        return f"{tally.promise}; not measured: sockets cannot tell, and nothing counts it"
    for _ in _tries():
        if by_count and counted is not None:
            tally.add_counts(counted, params, port, protocol)
        else:
            tally.add_volleys(params, port, by_kernel=counted is None)
        if tally.right:
            return tally.words
    raise Refused(tally.words)


@dataclass(kw_only=True)
class _Tally:
    """Hits among packets, and whether they fit the share that was promised."""

    name: str
    promised: float
    hits: int = 0
    packets: int = 0
    source: str = ""

    def add_volleys(self, params: Params, port: int | None, *, by_kernel: bool) -> None:
        effect = params["effect"]
        count = _PACKETS if self.promised >= _RARE else _PACKETS_IF_RARE
        tail = min(50, math.ceil(effect.get("hold_s", 0.0) * 1000) + 5) if self._is("hold") else 0
        ways = ways_of(params)
        # netem flips a bit of the whole frame, and in a sender's address nobody would notice it.
        size_bytes = _LARGE_BYTES if by_kernel and self._is("corrupt") else _SMALL_BYTES
        found = traffic.volleys(
            params, count=count, directions=ways, port=port, tail=tail, size_bytes=size_bytes
        )
        for one in found.values():
            self.packets += one.sent
            self.hits += self._hits(one, silent=bool(effect.get("silent")))

    def _hits(self, one: traffic.Volley, *, silent: bool) -> int:
        if self._is("duplicate"):
            return one.copies
        if self._is("hold"):
            return one.overtaken
        return one.altered if self._is("corrupt") and silent else one.sent - one.arrived

    def _is(self, name: str) -> bool:
        return self.name == name

    def add_counts(self, counted: Counter, params: Params, port: int | None, protocol: str) -> None:
        key = {"loss": "lost", "hold": "held_back"}.get(self.name, _WORDS[self.name])
        ways = ways_of(params)
        before = {way: dict(counted(way)) for way in ways}
        traffic.arrivals(params, count=_CALLS, protocol=protocol, port=port)
        for way in ways:
            after = counted(way)
            self.packets += after["seen"] - before[way]["seen"]
            self.hits += after[key] - before[way][key]
        self.source = ", as the mechanism counted"

    @property
    def right(self) -> bool:
        low, high = traffic.binomial_range(self.packets, self.promised)
        return self.packets > 0 and low <= self.hits <= high

    @property
    def promise(self) -> str:
        return f"promised {100 * self.promised:g} % {_WORDS[self.name]}"

    @property
    def words(self) -> str:
        low, high = traffic.binomial_range(self.packets, self.promised)
        share = 100 * self.hits / max(1, self.packets)
        return (
            f"{self.promise}, measured {share:.1f} % ({self.hits} of {self.packets} packets"
            f"{self.source}; 99 % interval {low} to {high})"
        )


def _rate(params: Params, way: str, counted: Counter | None) -> str:
    """Counted as on the wire, with the headers: that is what a line's rate limits.

    Where the instance's own traffic shares the line, what the mechanism let through tells.
    """
    promised = params["effect"]["rate_bytes_per_s"]
    protocol, port = _meant(params)
    least, most = _TRANSFER_BYTES
    size_bytes = round(min(max(promised * _TRANSFER_S, least), most))
    by_stream = protocol == "tcp" or promised > _UDP_UP_TO_BYTES_PER_S
    words = ""
    for _ in _tries():
        line = _Line(counted, way)
        got = traffic.rate(
            params,
            size_bytes=size_bytes,
            direction=way,
            protocol="tcp" if by_stream else "udp",
            port=port,
        )
        wire = got * (_stream_overhead(size_bytes) if by_stream else _datagram_overhead())
        words = f"promised {_bits(promised)}, measured {_bits(wire)} {way}"
        if _close(wire, promised):
            return words
        if (whole := line.rate()) and _close(whole, promised):
            return f"{words}, beside other traffic: {_bits(whole)} in all, as the mechanism counted"
    raise Refused(words)


class _Line:
    """What goes through the mechanism while we measure, whoever sends it."""

    def __init__(self, counted: Counter | None, way: str) -> None:
        self._counted, self._way = counted, way
        self._at_s = time.monotonic()
        self._bytes = counted(way)["bytes"] if counted else 0

    def rate(self) -> float:
        """Bytes a second since the beginning; 0 when nothing counts them."""
        now = self._counted(self._way)["bytes"] if self._counted else 0
        return (now - self._bytes) / (time.monotonic() - self._at_s)


def _close(measured: float, promised: float) -> bool:
    return abs(measured - promised) <= _RATE_SHARE * promised


def _datagram_overhead() -> float:
    return (DATAGRAM_BYTES + _DATAGRAM_HEADERS) / DATAGRAM_BYTES


def _stream_overhead(size_bytes: int) -> float:
    segment = segment_bytes(size_bytes)
    return (segment + _SEGMENT_HEADERS) / segment


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.4g} ms"


def _bits(bytes_per_s: float) -> str:
    bits = bytes_per_s * 8
    for factor, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s")):
        if bits >= factor:
            return f"{bits / factor:.3g} {unit}"
    return f"{bits / 1e3:.3g} kbit/s"
