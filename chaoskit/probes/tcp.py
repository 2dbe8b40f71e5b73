"""tcp: a connection, and the expected bytes when there are any. An extension of ours.

The provider is `{type: tcp, host, port, send?, expect?}`. With a boolean tolerance the value is whether
the connection stood and `expect` came. Any other tolerance sees {status: 0, headers: {}, body: what was
received so far} and is met as soon as that is within it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.base import (
    CLOSED,
    GOOD,
    TIMED_OUT,
    BadProbe,
    Dialogue,
    Judgement,
    Question,
    Settings,
    refuse_unknown_keys,
    seconds,
)
from chaoskit.probes.tolerance import Tolerance, compile_tolerance

SUMMARY = "a TCP connection; optionally sends bytes and waits for the expected ones"

_KEYS = frozenset({"expect", "host", "port", "secrets", "send", "timeout", "type"})
_MAX_KEPT_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class _Exchange:
    send: bytes
    expect: bytes
    tolerance: Tolerance | None  # None: connecting, and `expect`, are all there is to it


def question(provider: Mapping[str, Any], tolerance: Any, settings: Settings) -> Question:
    """The probe, ready to be asked. The name is resolved here. Raises BadProbe."""
    refuse_unknown_keys(provider, _KEYS)
    provider = settings.fill(provider)
    if tolerance is False:
        message = "its tolerance is false; a tcp probe can only ask that a connection stands: true"
        raise BadProbe(message)
    exchange = _Exchange(
        send=_bytes(provider, "send"),
        expect=_bytes(provider, "expect"),
        tolerance=None if tolerance in (True, None) else compile_tolerance(tolerance, settings),
    )
    host, port = provider.get("host"), provider.get("port")
    if not isinstance(host, str) or not host:
        message = f"its host is {host!r}; write a name or an address"
        raise BadProbe(message)

    def start() -> Dialogue:
        return TcpDialogue(exchange)

    return Question(
        addresses=settings.names.of(host, _port(port)),
        open=start,
        timeout_s=seconds(provider.get("timeout"), "timeout"),
    )


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = 0
    if isinstance(value, bool) or not 0 < port < 65536:
        message = f"its port is {value!r}; write a number from 1 to 65535"
        raise BadProbe(message)
    return port


def _bytes(provider: Mapping[str, Any], key: str) -> bytes:
    value = provider.get(key, "")
    if not isinstance(value, str):
        message = f"its {key} is {value!r}; write a text in quotes"
        raise BadProbe(message)
    return value.encode()


class TcpDialogue:
    """One connection."""

    __slots__ = ("_exchange", "_received", "outbox")

    def __init__(self, exchange: _Exchange) -> None:
        self.outbox = exchange.send
        self._exchange = exchange
        self._received = b""

    def connected(self) -> Judgement | None:
        """All there is to it, when nothing is expected."""
        return self._judge()

    def feed(self, data: bytes) -> Judgement | None:
        """Look whether what was expected is there by now."""
        self._received = (self._received + data)[-_MAX_KEPT_BYTES:]
        return self._judge()

    def ended(self) -> Judgement:
        """Closed before it was."""
        return Judgement(Outcome.BAD, Reason.TOLERANCE) if self._received else CLOSED

    def expired(self) -> Judgement:
        """Something else came, or nothing at all."""
        return Judgement(Outcome.BAD, Reason.TOLERANCE) if self._received else TIMED_OUT

    def _judge(self) -> Judgement | None:
        exchange = self._exchange
        if exchange.expect and exchange.expect not in self._received:
            return None
        if exchange.tolerance is None:
            return GOOD
        body = self._received.decode("utf-8", errors="replace")
        value = {"status": 0, "headers": {}, "body": body}
        return GOOD if exchange.tolerance.met(value) else None
