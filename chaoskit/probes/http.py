"""http: one HTTP or HTTPS request, with the meaning of Chaos Toolkit's http provider.

Like there, redirects are followed and any status is an answer: the tolerance decides. Unlike there, a
connection is used once, and the answer must be whole in time, not merely begun.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.base import (
    CLOSED,
    TIMED_OUT,
    UNRESOLVED,
    BadProbe,
    Dialogue,
    Judgement,
    Question,
    Settings,
    refuse_unknown_keys,
    seconds,
)
from chaoskit.probes.http_answer import HttpAnswer, Malformed
from chaoskit.probes.http_request import PORTS, Request, after_redirect, read_request, split_url
from chaoskit.probes.tolerance import Need, compile_tolerance

SUMMARY = "one HTTP or HTTPS request on a new connection; redirects are followed"

_KEYS = frozenset(
    {
        "arguments",
        "headers",
        "max_retries",
        "method",
        "secrets",
        "timeout",
        "type",
        "url",
        "verify_tls",
    }
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 30  # as in requests, which Chaos Toolkit uses


def question(provider: Mapping[str, Any], tolerance: Any, settings: Settings) -> Question:
    """The probe, ready to be asked. Names are resolved here. Raises BadProbe."""
    refuse_unknown_keys(provider, _KEYS)
    request = read_request(provider, compile_tolerance(tolerance, settings), settings)
    timeout = settings.fill(provider.get("timeout"))
    return _question(request, seconds(timeout, "timeout"))


def _question(request: Request, timeout_s: float | None) -> Question:
    opening = request.opening()
    host = request.url.hostname or ""

    def start() -> Dialogue:
        return HttpDialogue(request, opening)

    if request.url.scheme == "https":
        start = _over_tls(start, request.verify_tls, host)
    addresses = request.names.of(host, request.url.port or PORTS[request.url.scheme])
    return Question(addresses=addresses, open=start, timeout_s=timeout_s, kept=_keeping(request))


def _keeping(request: Request) -> Callable[[], Dialogue] | None:
    """The same over a connection that is kept; over TLS, or with a Connection of one's own, never."""
    if request.url.scheme == "https" or not request.may_keep:
        return None
    staying = replace(request, headers={**request.headers, "Connection": "keep-alive"})
    opening = staying.opening()
    return lambda: HttpDialogue(staying, opening)


def _over_tls(
    start: Callable[[], Dialogue], verify: bool | str, host: str
) -> Callable[[], Dialogue]:
    from chaoskit.probes.tls import TlsDialogue, client_context  # noqa: PLC0415 - slow to import

    try:
        context = client_context(verify)
    except OSError as problem:
        message = f"its verify_tls names {verify!r}, which cannot be read: {problem}"
        raise BadProbe(message) from problem
    return lambda: TlsDialogue(start(), context, host)


class HttpDialogue:
    """One request and its answer."""

    __slots__ = ("_answer", "_request", "outbox")

    def __init__(self, request: Request, opening: bytes) -> None:
        self.outbox = opening
        self._request = request
        self._answer = HttpAnswer(
            head_only=request.method == "HEAD",
            keep_body=request.tolerance.need is Need.EVERYTHING,
        )

    @property
    def keeps(self) -> bool:
        """Whether the connection may be used again."""
        return self._answer.keeps

    def connected(self) -> Judgement | None:
        """The request is in the outbox; nothing to say yet."""
        return None

    def feed(self, data: bytes) -> Judgement | None:
        """Read on; judge once the answer is whole."""
        answer = self._answer
        try:
            answer.feed(data)
        except Malformed:
            return Judgement(Outcome.BAD, Reason.PROTOCOL, answer.status)
        if answer.status in _REDIRECTS:
            location = _location(answer)
            if location:
                return self._redirected(location)
        return self._judge() if answer.complete else None

    def ended(self) -> Judgement:
        """An answer without a length ends here; any other was cut short."""
        return self._judge() if self._answer.closed() else CLOSED

    def expired(self) -> Judgement:
        """No whole answer in time."""
        return TIMED_OUT

    def _judge(self) -> Judgement:
        answer, tolerance = self._answer, self._request.tolerance
        if tolerance.statuses is not None:
            met = answer.status in tolerance.statuses
        else:
            try:
                value = _value(answer, tolerance.need)
            except (ValueError, LookupError, zlib.error, RecursionError):
                # The body is not what the headers say; Chaos Toolkit cannot read it either.
                return Judgement(Outcome.BAD, Reason.PROTOCOL, answer.status)
            met = tolerance.met(value)
        if met:
            return Judgement(Outcome.GOOD, Reason.NONE, answer.status)
        return Judgement(Outcome.BAD, Reason.TOLERANCE, answer.status)

    def _redirected(self, location: str) -> Judgement:
        request, status = self._request, self._answer.status
        if request.hops >= _MAX_REDIRECTS:
            return Judgement(Outcome.BAD, Reason.PROTOCOL, status)
        try:
            url = split_url(urljoin(request.url.geturl(), location))
            following = _question(after_redirect(request, url, status), None)
        except ValueError:
            return Judgement(Outcome.BAD, Reason.PROTOCOL, status)
        if not following.addresses:
            # We do not resolve names while sampling: this says nothing about the target.
            return UNRESOLVED._replace(outcome=Outcome.UNKNOWN, detail=status)
        return Judgement(Outcome.UNKNOWN, Reason.OTHER, status, following)


def _header(answer: HttpAnswer, name: str) -> str:
    return next((value for key, value in answer.headers().items() if key.lower() == name), "")


def _location(answer: HttpAnswer) -> str:
    return _header(answer, "location")


def _value(answer: HttpAnswer, need: Need) -> dict[str, Any]:
    """The value that Chaos Toolkit would hand to the tolerance, as far as it is needed."""
    if need is Need.STATUS:
        return {"status": answer.status, "headers": {}, "body": None}
    headers = answer.headers()
    body = _body(answer) if need is Need.EVERYTHING else None
    return {"status": answer.status, "headers": headers, "body": body}


def _body(answer: HttpAnswer) -> Any:
    raw = bytes(answer.body)
    for coding in reversed(_header(answer, "content-encoding").lower().split(",")):
        if coding.strip() in {"gzip", "x-gzip", "deflate"}:
            raw = zlib.decompress(raw, 32 + zlib.MAX_WBITS)
    kind = _header(answer, "content-type")
    # Exactly this, parameters excluded: Chaos Toolkit compares so.
    if kind == "application/json":
        return json.loads(raw)
    return raw.decode(_charset(kind), errors="replace")


def _charset(kind: str) -> str:
    for parameter in kind.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip(" '\"")
    # HTTP's default for text, which requests keeps to.
    return "latin-1" if kind.lower().startswith("text") else "utf-8"
