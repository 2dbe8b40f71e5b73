"""The proof of a DNS fault: real queries from inside the instance's network.

A name that is meant must fare as promised, on every name server, over UDP and TCP. Another name
must get the very bytes that the name server itself sends.
"""

import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from chaoskit.agent import children
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network import dnswire
from chaoskit.agent.network.dnswire import OWN_MARK, PORT
from chaoskit.agent.processes import network_of

EXACTNESS = 0.05  # of a promised delay
SLACK_S = 0.002  # beside it: what a scheduler on a busy machine may take

_PATIENCE_S = 1.0  # for a name server of the instance's own
_SILENCE_S = 0.4  # without an answer, where none may come
_LONGEST_S = 2.5  # that is waited for a delay: the agent serves its leases only afterwards
_QUERIES = 9
_ONE_BY_ONE_S = 0.1  # up to this delay queries are not asked at once, to measure nothing but it
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came back of one query."""

    message: bytes  # b"" when nothing came
    after_s: float


def prove(params: Params, *, beyond: Sequence[Any]) -> str:
    """What was seen. Raises Refused when a query fared otherwise than promised; OSError.

    `beyond` is the address and port where the first name server's queries go that pass.
    """
    with network_of(params["pid"]):
        slow = params["mode"] == "slow"
        words = _delayed(params, beyond) if slow else _changed(params)
        return f"{words}; {_others_pass(params, beyond)}"


def _changed(params: Params) -> str:
    """Ask every name server for a name that is meant, over UDP and TCP."""
    name, mode = params["ask"], params["mode"]
    before = children.ask(params["tag"], {"do": "count"})["matched"]
    message = dnswire.query(name, number=_number())
    wait_s = _SILENCE_S if mode == "timeout" else _PATIENCE_S
    for server in params["nameservers"]:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            (heard,) = _ask([message], (server, PORT), kind=kind, wait_s=wait_s)
            if problem := _problem(heard.message, params):
                how = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
                words = f"{name} asked of {server} over {how}: {problem}"
                raise Refused(words)
    reached = children.ask(params["tag"], {"do": "count"})["matched"] - before
    asked = 2 * len(params["nameservers"])
    if reached < asked:
        words = f"{reached} of {asked} queries for {name} reached the proxy"
        raise Refused(words)
    promised = " ".join(params["answers"]) if mode == "wrong" else mode
    return f"{asked} of {asked} queries for {name} by UDP and TCP got {promised}"


def _problem(message: bytes, params: Params) -> str:
    """What is wrong with an answer, seen from the promise; or ""."""
    mode = params["mode"]
    if mode == "timeout":
        return "an answer came, and none was to come" if message else ""
    if not message:
        return "no answer came"
    if mode == "wrong":
        found = dnswire.addresses(message)
        return "" if found == list(params["answers"]) else f"the answer was {found}"
    code = dnswire.rcode(message)
    return "" if code == dnswire.RCODES[mode] else f"the answer's code was {code}"


def _delayed(params: Params, beyond: Sequence[Any]) -> str:
    """The median delay, against queries that go round the proxy at the same time of day."""
    name, promised_s, server = params["ask"], params["delay_s"], params["nameservers"][0]
    messages = [dnswire.query(name, number=_number() + one) for one in range(_QUERIES)]
    worst = ""
    for _ in range(_TRIES):
        direct = _ask(messages, beyond, marked=True)
        if not all(one.message for one in direct):
            words = (
                f"{server} does not answer for {name} within {_PATIENCE_S:g} s, so that a delay "
                "cannot be measured; name one that it answers in `ask`"
            )
            raise Refused(words)
        base_s = median(one.after_s for one in direct)
        wait_s = min(promised_s + base_s + 0.5, _LONGEST_S)
        groups = [[one] for one in messages] if promised_s <= _ONE_BY_ONE_S else [messages]
        heard = [one for group in groups for one in _ask(group, (server, PORT), wait_s=wait_s)]
        if promised_s > _LONGEST_S - 0.5:
            if any(one.message for one in heard):
                words = f"an answer for {name} came before {wait_s:g} s, promised {promised_s:g} s"
                raise Refused(words)
            return f"promised {promised_s:g} s, no answer for {name} within {wait_s:.3g} s"
        delay_s = median(one.after_s for one in heard) - base_s
        worst = f"promised {promised_s * 1e3:g} ms, measured {delay_s * 1e3:.1f} ms"
        if all(one.message for one in heard) and _is_exact(delay_s, promised_s):
            return f"{worst} over {_QUERIES} queries for {name}"
    raise Refused(worst)


def _is_exact(measured_s: float, promised_s: float) -> bool:
    return abs(measured_s - promised_s) <= promised_s * EXACTNESS + SLACK_S


def _others_pass(params: Params, beyond: Sequence[Any]) -> str:
    """A name that is not meant gets the bytes that the name server sends to anybody."""
    server = params["nameservers"][0]
    candidates = (params.get("container", "")[:12], "chaoskit-other.invalid", "localhost")
    meant = params["patterns"], params["search"]
    name = next((one for one in candidates if one and not dnswire.matches(one, *meant)), "")
    if not name:
        return "every name is meant"
    message = dnswire.query(name, number=_number())
    for _ in range(_TRIES):
        (direct,), (through,) = (
            _ask([message], beyond, marked=True),
            _ask([message], (server, PORT)),
        )
        if direct.message == through.message:
            break
    else:
        words = f"the answer for {name}, which is not meant, is not the name server's own"
        raise Refused(words)
    if not direct.message:
        return f"{server} does not answer for {name}, with the proxy or without"
    return f"{name} passed byte for byte"


def _ask(
    messages: Sequence[bytes],
    where: Sequence[Any],
    *,
    kind: int = socket.SOCK_DGRAM,
    marked: bool = False,
    wait_s: float = _PATIENCE_S,
) -> list[Heard]:
    """All queries at once, each from a socket of its own.

    What is marked passes the rules; the rest meets them, like a query of the instance's.
    """
    sockets = [socket.socket(socket.AF_INET, kind) for _ in messages]
    heard = [Heard(message=b"", after_s=wait_s) for _ in messages]
    try:
        begun_s = []
        for out, message in zip(sockets, messages, strict=True):
            out.settimeout(wait_s)
            if marked:
                out.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OWN_MARK)
            out.connect(tuple(where))
            begun_s.append(time.monotonic())
            framed = len(message).to_bytes(2, "big") + message
            out.sendall(message if kind == socket.SOCK_DGRAM else framed)
        waiting = dict(enumerate(sockets))
        deadline = time.monotonic() + wait_s
        while waiting and (left_s := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(list(waiting.values()), [], [], left_s)
            for number in [key for key, one in waiting.items() if one in ready]:
                after_s = time.monotonic() - begun_s[number]
                data = _received(waiting.pop(number), kind)
                heard[number] = Heard(message=data, after_s=after_s)
    finally:
        for out in sockets:
            out.close()
    return heard


def _received(source: socket.socket, kind: int) -> bytes:
    """One answer, or b"" when the other side refuses or hangs up."""
    try:
        if kind == socket.SOCK_DGRAM:
            return source.recv(1 << 16)
        data = source.recv(1 << 16)
        while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            more = source.recv(1 << 16)
            if not more:
                return b""
            data += more
    except OSError:
        return b""
    return data[2:]


def _number() -> int:
    """An id for the first of some queries, other than the last ones'."""
    return time.monotonic_ns() >> 16 & 0xFFF0
