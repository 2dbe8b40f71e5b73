"""What a kind of probe is made of: questions, and dialogues that hold no socket.

A kind turns a probe's provider and tolerance into a `Question` once. For every ask it opens a
`Dialogue`: bytes in, bytes out, and at some point a `Judgement`. Whoever owns the socket (the prober)
knows nothing of protocols, and a dialogue can be tested by tearing its bytes anywhere.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.names import Address, Names
from chaoskit.probes.variables import Secrets, substitute

# These say that we are out of something; they are no evidence about the target.
_OURS = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.EADDRNOTAVAIL,
    errno.EAGAIN,
    errno.EPERM,
}
_REASONS = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One probe, ready to be asked any number of times."""

    addresses: tuple[Address, ...]  # tried in this order; empty: the name did not resolve
    open: Callable[[], "Dialogue"]
    timeout_s: float | None = None  # the provider's own, when it is stricter than the run's
    # Opens a dialogue that can share its connection with the next: its `keeps` is true when, after
    # its judgement, the connection is as good as new. None: the kind always begins anew.
    kept: Callable[[], "Dialogue"] | None = None


class Judgement(NamedTuple):
    """What an ask said, and why."""

    outcome: Outcome
    reason: Reason = Reason.NONE
    detail: int = 0  # HTTP status, errno, or 0
    follow: Question | None = None  # not over yet: this one must be asked first (a redirect)


class Dialogue(Protocol):
    """One ask in terms of bytes. Each method may fill `outbox`; the owner sends and empties it."""

    outbox: bytes

    def connected(self) -> Judgement | None:
        """The connection stands."""
        ...

    def feed(self, data: bytes) -> Judgement | None:
        """Bytes came. A judgement ends the ask."""
        ...

    def ended(self) -> Judgement:
        """The other side closed the connection before there was a judgement."""
        ...

    def expired(self) -> Judgement:
        """The time for an answer is over."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a kind needs to know besides provider and tolerance."""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=dict)
    names: Names = field(default_factory=Names)

    def fill(self, data: Any) -> Any:
        """The data with every `${name}` replaced."""
        return substitute(data, self.configuration, self.secrets)


class BadProbe(ValueError):
    """A provider or tolerance that cannot be asked; the message says what is allowed."""


GOOD = Judgement(Outcome.GOOD)
TIMED_OUT = Judgement(Outcome.BAD, Reason.TIMEOUT)
CLOSED = Judgement(Outcome.BAD, Reason.CLOSED)
UNRESOLVED = Judgement(Outcome.BAD, Reason.UNRESOLVED)


def from_errno(number: int) -> Judgement:
    """What a failed system call says: about the target, or about us (then UNKNOWN)."""
    if number in _OURS:
        return Judgement(Outcome.UNKNOWN, Reason.OTHER, number)
    return Judgement(Outcome.BAD, _REASONS.get(number, Reason.OTHER), number)


def refuse_unknown_keys(provider: Mapping[str, Any], known: frozenset[str]) -> None:
    """Raise BadProbe for a key that the kind does not know: a typo must not change a question."""
    for key in provider:
        if key not in known:
            choices = ", ".join(sorted(known))
            message = f"unknown key {key!r} in its provider; choose from {choices}"
            raise BadProbe(message)


def seconds(value: Any, key: str) -> float | None:
    """A provider's timeout: seconds, or Chaos Toolkit's pair of connect and read seconds."""
    if value is None:
        return None
    parts = value if isinstance(value, list | tuple) else [value]
    try:
        total = sum(float(part) for part in parts if part is not None)
    except (TypeError, ValueError):
        total = 0.0
    if not total > 0:
        message = f"{key} is {value!r}; write a number of seconds above 0"
        raise BadProbe(message)
    return total
