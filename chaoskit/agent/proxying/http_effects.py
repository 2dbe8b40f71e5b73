"""Which requests a fault is for, and what it does to them; plain data in, plain decisions out."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import Any

from chaoskit.agent.proxying.http_wire import Head, Span

DELAY = "delay"
STATUS = "status"
ABORT = "abort"
BODY = "body"
MARK_HEADER = "X-Chaoskit-Fault"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What is done to a request that is hit; which fields count depends on `what`."""

    what: str  # delay, status, abort or body
    at: str = "request"  # before the service sees the request, or at the service's answer
    delay_s: float = 0.0
    status: int = 503
    text: str = ""  # the body of our answer, or the one that replaces the service's
    headers: Mapping[str, str] = field(default_factory=dict)
    how: str = "reset"  # an abort: reset, or close; a body: truncate, change or replace
    keep_bytes: int = 0  # of a body that is cut off
    share: float = 0.0  # of a body's bytes that are changed


@dataclass(kw_only=True)
class Filter:
    """The requests that are meant. Patterns are those of a shell: `*`, `?`, `[abc]`.

    `share` is drawn for each request that matches; `first` counts those that match.
    """

    methods: Sequence[str] = ()
    paths: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    first: int | None = None
    seed: str = ""
    matched: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        """Chance is the fault's own."""
        self.chance = Random(self.seed)  # seeded by the harness

    def matches(self, request: Head) -> bool:
        """Whether the request is one of those that are meant, before any share."""
        if self.methods and request.method not in self.methods:
            return False
        if self.paths and not any(fnmatch.fnmatchcase(request.path, one) for one in self.paths):
            return False
        return all(
            any(fnmatch.fnmatchcase(value, pattern) for value in request.headers.get(name, ()))
            for name, pattern in self.headers.items()
        )

    def draws(self, request: Head) -> bool:
        """Whether the fault hits this request; counts it."""
        if not self.matches(request):
            return False
        self.matched += 1
        if self.first is not None and self.matched > self.first:
            return False
        hit = self.chance.random() < self.share
        self.hits += hit
        return hit


def filter_of(given: Mapping[str, Any], seed: str) -> Filter:
    """A filter from the parameters of a fault."""
    return Filter(
        methods=tuple(given.get("methods") or ()),
        paths=tuple(given.get("paths") or ()),
        headers={name.lower(): value for name, value in (given.get("headers") or {}).items()},
        share=float(given.get("share", 1.0)),
        first=given.get("first"),
        seed=seed,
    )


def answer(effect: Effect, *, method: str, keep_open: bool) -> bytes:
    """The answer that we give in the service's place."""
    try:
        reason = HTTPStatus(effect.status).phrase
    except ValueError:
        reason = "Fault"
    body = effect.text.encode()
    lines = [f"HTTP/1.1 {effect.status} {reason}", f"{MARK_HEADER}: {effect.what}"]
    lines += [f"{name}: {value}" for name, value in effect.headers.items()]
    if effect.status in {204, 304}:
        body = b""
    else:
        lines.append(f"Content-Length: {len(body)}")
    if body and not any(name.lower() == "content-type" for name in effect.headers):
        lines.append("Content-Type: text/plain; charset=utf-8")
    if not keep_open:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode()
    return head if method == "HEAD" else head + body


def with_other_body(head: Head, text: str) -> bytes:
    """The head of an answer, and another body than the one that it announced."""
    body = text.encode()
    framing = (b"content-length", b"transfer-encoding", b"trailer", b"content-encoding")
    lines = head.raw[:-4].split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].lower() not in framing]
    kept.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*kept, b"", b""]) + body


class Changer:
    """Changes a share of an answer's payload, at least one byte, each to another value."""

    def __init__(self, share: float, chance: Random) -> None:
        self._share = share
        self._chance = chance
        self._owed = 1.0  # bytes that are to be changed

    def change(self, data: bytearray, spans: Sequence[Span]) -> None:
        """Change what is due among the payload in these bytes."""
        for start, stop in spans:
            self._owed += self._share * (stop - start)
            count = min(stop - start, int(self._owed))
            self._owed = max(0.0, self._owed - count) if count else self._owed
            for position in self._chance.sample(range(start, stop), count):
                data[position] ^= self._chance.randrange(1, 256)


def cut(spans: Sequence[Span], keep: int) -> int | None:
    """How many raw bytes hold the first `keep` bytes of payload; None when it is not reached."""
    left = keep
    for start, stop in spans:
        if stop - start > left:
            return start + left
        left -= stop - start
    return None
