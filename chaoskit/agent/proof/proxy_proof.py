"""What a proxy really does to connections, found out by the agent as a client of its own.

The agent's requests go to a canned service behind the proxy, in the instance's network, so that the
system's own service is not asked anything. What the system's connections meet is shown by one of
them: a connection that is opened and closed again.
"""

import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaoskit.agent import children, processes
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.proof import traffic
from chaoskit.agent.proxying.canned import BODY, KEPT
from chaoskit.agent.proxying.http_effects import MARK_HEADER

_PATIENCE_S = 1.0
_LONGEST_S = 0.3  # a delay that is really waited for; the agent has leases to look after
_ENOUGH_S = 0.5  # for all requests of one measurement
_MOST = 10
_DRAWS = 200  # requests that measure a share
_WITHIN = 0.05
_FLOOR_S = 0.001  # below that the scheduler is measured, not the fault


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a request."""

    status: int  # 0: none
    body: bytes
    reset: bool  # the connection was reset
    took_s: float
    marked: bool = False  # it says itself that it is ours


def prove(params: Params, *, canned: int) -> str:
    """What was seen. Raises Refused when the fault does not do what it promises."""
    words = _touch(params)
    effect = params.get("effect")
    if effect is None:
        return f"{words}; {_prove_ends(params, canned)}"
    client = Client(params, canned)
    if effect["what"] == "delay":
        found = _prove_delay(params, client, effect["delay_s"])
    else:
        found = _prove_harm(params, client, effect)
    return f"{words}; {found}{_prove_share(params, client, effect)}"


class Client:
    """Sends requests that match the fault's filter to the canned service."""

    def __init__(self, params: Params, canned: int) -> None:
        self._pid = params["pid"]
        self._where = ("127.0.0.1", canned)
        given = params.get("filter") or {}
        method = next(iter(given.get("methods") or ()), "GET")
        path = example_of(next(iter(given.get("paths") or ()), "/"))
        lines = [f"{method} {path} HTTP/1.1"]
        headers = {"host": "chaoskit", **(given.get("headers") or {})}
        lines += [f"{name}: {example_of(value)}" for name, value in headers.items()]
        self.request = "\r\n".join([*lines, "", ""]).encode()

    def open(self) -> socket.socket:
        """A connection to the canned service, through the proxy. Raises OSError."""
        with processes.network_of(self._pid):
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            one.settimeout(_PATIENCE_S)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.connect(self._where)
        except BaseException:
            one.close()
            raise
        return one

    def ask(self) -> Answer:
        """One request on a connection of its own."""
        with self.open() as one:
            return self.ask_on(one)

    def ask_on(self, one: socket.socket) -> Answer:
        """One request on this connection."""
        begun = time.monotonic()
        heard, was_reset = bytearray(), False
        try:
            one.sendall(self.request)
            while not _whole(heard) and (data := one.recv(1 << 16)):
                heard += data
        except ConnectionResetError:
            was_reset = True
        except TimeoutError:
            pass  # an answer that does not come is an answer, too
        took_s = time.monotonic() - begun
        head, _, body = heard.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.") else 0
        marked = MARK_HEADER.encode() in head
        return Answer(
            status=status, body=bytes(body), reset=was_reset, took_s=took_s, marked=marked
        )


def _whole(heard: bytearray) -> bool:
    head, end, body = heard.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True


def example_of(pattern: str) -> str:
    """Something that a pattern of a shell matches, for all but the most contrived patterns."""
    found, rest = "", pattern
    while rest:
        one, rest = rest[0], rest[1:]
        if one == "[" and "]" in rest[1:]:
            inside, rest = rest[: rest.index("]", 1)], rest[rest.index("]", 1) + 1 :]
            one = inside[0] if inside[0] != "!" else "x"
        found += {"*": "", "?": "x"}.get(one, one)
    return found


def _tell(params: Params, *, share: float, delay_s: float) -> None:
    children.ask(params["tag"], {"do": "probe", "share": share, "delay_s": delay_s})


def _touch(params: Params) -> str:
    """Open and close a connection as the system would, and see that the proxy got it."""
    rule = params["rules"][0]
    port = next(iter(rule.get("ports") or ()), None)
    source, where = _ends(params, rule)
    if port is None or not where:
        return "no connection of the system's kind could be tried"
    before = _connections(params)
    try:
        with processes.network_of(source):
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with one:
            one.settimeout(_LONGEST_S)
            one.connect((where, port))
    except OSError as error:
        return f"no connection to {where}:{port} could be tried ({error})"
    if not processes.poll(lambda: _connections(params) > before, timeout_s=_LONGEST_S):
        message = f"a connection to {where}:{port} did not come through the proxy"
        raise Refused(message)
    return f"a connection to {where}:{port} came through the proxy"


def _ends(params: Params, rule: Params) -> tuple[int, str]:
    """Whose network to connect from, and to which address; "" when there is nobody."""
    witness = params.get("witness") or {}
    if rule["direction"] == "out":
        peer = rule["peer"] if rule["peer"] != "any" else witness.get("address", "")
        return params["pid"], peer
    return witness.get("pid", 0), witness.get("local", "")


def _connections(params: Params) -> int:
    return int(children.ask(params["tag"], {"do": "facts"}).get("connections", 0))


def _prove_delay(params: Params, client: Client, promised_s: float) -> str:
    tried_s = min(promised_s, _LONGEST_S)
    count = max(1, min(_MOST, int(_ENOUGH_S / max(tried_s, 1e-3))))

    def median_s() -> float:
        with client.open() as one:
            return statistics.median(client.ask_on(one).took_s for _ in range(count))

    def measure_s() -> float:
        _tell(params, share=1.0, delay_s=0.0)
        without_s = median_s()
        _tell(params, share=1.0, delay_s=tried_s)
        return median_s() - without_s

    requests = f"{count} request{'s' * (count > 1)}"
    measured_s = _must_measure(measure_s, tried_s, f"over {requests} to a canned service")
    words = f"measured {measured_s * 1e3:.1f} ms over {requests}"
    if tried_s < promised_s:
        words = f"tried with {tried_s * 1e3:g} ms, because so long is not waited for: {words}"
    return f"promised {promised_s * 1e3:g} ms, {words} to a canned service"


def _must_measure(measure_s: Callable[[], float], promised_s: float, how: str) -> float:
    """A measurement that keeps the promise. A second try, because a machine may be busy once."""
    measured_s = measure_s()
    if not _keeps(measured_s, promised_s):
        measured_s = measure_s()
    if _keeps(measured_s, promised_s):
        return measured_s
    message = f"promised {promised_s * 1e3:g} ms, but measured {measured_s * 1e3:.2f} ms {how}"
    raise Refused(message)


def _keeps(measured_s: float, promised_s: float) -> bool:
    return abs(measured_s - promised_s) <= max(_WITHIN * promised_s, _FLOOR_S)


def _prove_harm(params: Params, client: Client, effect: dict[str, Any]) -> str:
    _tell(params, share=1.0, delay_s=0.0)
    seen = client.ask()
    if not _harmed(seen, effect):
        message = (
            f"a request to a canned service was not harmed: status {seen.status}, "
            f"{len(seen.body)} bytes of body"
        )
        raise Refused(message)
    words = {
        "status": f"was answered with {seen.status}",
        "abort": "was reset" if seen.reset else "was cut off without an answer",
        "body": f"was answered with {len(seen.body)} bytes, not the {len(BODY)} that were sent",
    }[effect["what"]]
    if effect.get("how") == "change":
        altered = sum(one != other for one, other in zip(seen.body, BODY, strict=True))
        words = f"was answered with {altered} of {len(BODY)} bytes changed"
    return f"a request to a canned service {words}"


def _harmed(seen: Answer, effect: dict[str, Any]) -> bool:
    """Whether the answer is what the effect makes of the canned one."""
    if effect["what"] == "status":
        return seen.marked and bool(seen.status == effect["status"])
    if effect["what"] == "abort":
        return not seen.status and seen.reset is (effect.get("how") == "reset")
    expected = {
        "truncate": seen.body == BODY[: min(KEPT, effect.get("keep_bytes", 0))],
        "replace": seen.body == effect.get("text", "").encode(),
        "change": len(seen.body) == len(BODY) and seen.body != BODY,
    }
    return seen.status == 200 and bool(expected[effect["how"]])


def _prove_share(params: Params, client: Client, effect: dict[str, Any]) -> str:
    """How many of many requests were hit, as the client sees it where it can."""
    promised = float((params.get("filter") or {}).get("share", 1.0))
    if promised in {0.0, 1.0}:
        return ""
    _tell(params, share=promised, delay_s=0.0)
    low, high = traffic.binomial_range(_DRAWS, promised)
    hits = _count_hits(params, client, effect)
    if not low <= hits <= high:  # once in a hundred times that is chance
        hits = _count_hits(params, client, effect)
    words = f"promised {promised:.1%} of requests, measured {hits} of {_DRAWS}"
    if not low <= hits <= high:
        message = f"{words}; expected {low} to {high}"
        raise Refused(message)
    return f"; {words}"


def _count_hits(params: Params, client: Client, effect: dict[str, Any]) -> int:
    """Of so many requests; a delay is one of no time, which only the proxy can count."""
    before = _hits(params)
    seen = [client.ask() for _ in range(_DRAWS)]
    if effect["what"] == "delay":
        return _hits(params) - before
    return sum(_harmed(one, effect) for one in seen)


def _hits(params: Params) -> int:
    return int(children.ask(params["tag"], {"do": "facts"}).get("probe_hits", 0))


def _prove_ends(params: Params, canned: int) -> str:
    """How long the end of a connection takes; it goes to the service and back."""
    promised_s = params["close_delay_s"]
    client = Client(params, canned)
    if promised_s is None:
        ended_s = _ending_s(client)
        if ended_s is not None:
            message = f"the end of a connection came back after {ended_s * 1e3:.1f} ms"
            raise Refused(message)
        return f"the end of a connection did not come back within {_PATIENCE_S:g} s"
    tried_s = min(promised_s, _LONGEST_S / 2)

    def measure_s() -> float:
        _tell(params, share=1.0, delay_s=0.0)
        without_s = _ending_s(client)
        _tell(params, share=1.0, delay_s=tried_s)
        with_s = _ending_s(client)
        if without_s is None or with_s is None:
            message = f"the end of a connection did not come back within {_PATIENCE_S:g} s"
            raise Refused(message)
        return (with_s - without_s) / 2

    measured_s = _must_measure(measure_s, tried_s, "each way")
    words = f"promised {promised_s * 1e3:g} ms for the end of a connection, each way"
    if tried_s < promised_s:
        words += f"; tried with {tried_s * 1e3:g} ms, because so long is not waited for"
    return f"{words}; measured {measured_s * 1e3:.1f} ms"


def _ending_s(client: Client) -> float | None:
    """Seconds from our end of a connection to the other's, or None when it does not come."""
    with client.open() as one:
        one.settimeout(_PATIENCE_S)
        begun = time.monotonic()
        one.shutdown(socket.SHUT_WR)
        try:
            one.recv(1)
        except TimeoutError:
            return None
        return time.monotonic() - begun
