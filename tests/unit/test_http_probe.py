"""http probes: what is sent, and what is made of the answer, byte for byte and without a socket."""

import gzip
from typing import Any

import pytest

from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes import http, shelf
from chaoskit.probes.base import BadProbe, Judgement, Settings, from_errno


def ask(provider: dict[str, Any], tolerance: Any, raw: bytes, **known: Any) -> Judgement | None:
    """The judgement after these bytes, and the end of the connection when they were not enough."""
    dialogue = http.question(provider, tolerance, Settings(**known)).open()
    assert dialogue.connected() is None
    return dialogue.feed(raw) or dialogue.ended()


def sent(provider: dict[str, Any], **known: Any) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers and body of what is sent."""
    raw = http.question(provider, 200, Settings(**known)).open().outbox
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    return line, dict(one.split(": ", 1) for one in rest), body


URL = {"type": "http", "url": "http://127.0.0.1:8080/a"}


def page(body: bytes, kind: str = "text/plain", status: int = 200, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
    return head.encode() + b"\r\n" + body


def test_a_get_carries_its_arguments_in_the_query() -> None:
    provider = {**URL, "url": "http://127.0.0.1:8080/a?x=1", "arguments": {"q": ["a b", "c"]}}
    line, headers, body = sent(provider)

    assert line == "GET /a?x=1&q=a+b&q=c HTTP/1.1"
    assert headers["Host"] == "127.0.0.1:8080"
    assert headers["Connection"] == "close"
    assert body == b""


def test_a_post_carries_its_arguments_as_a_form() -> None:
    line, headers, body = sent({**URL, "method": "post", "arguments": {"a": 1, "b": None}})

    assert line == "POST /a HTTP/1.1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (headers["Content-Length"], body) == ("3", b"a=1")


def test_a_post_of_json_carries_json() -> None:
    headers = {"Content-Type": "application/json"}
    _, _, body = sent({**URL, "method": "POST", "headers": headers, "arguments": {"a": [1]}})

    assert body == b'{"a": [1]}'


def test_names_in_braces_are_replaced_everywhere() -> None:
    provider = {"type": "http", "url": "${web_url}/x", "headers": {"X-Token": "${token}"}}
    line, headers, _ = sent(
        provider,
        configuration={"web_url": "http://127.0.0.1:99"},
        secrets={"vault": {"token": "s3cret"}},
    )

    assert line == "GET /x HTTP/1.1"
    assert (headers["Host"], headers["X-Token"]) == ("127.0.0.1:99", "s3cret")


def test_credentials_in_the_address_become_a_header() -> None:
    _, headers, _ = sent({**URL, "url": "http://me:p%40ss@127.0.0.1/"})

    assert headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert headers["Host"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("tolerance", "raw", "expected"),
    [
        pytest.param(200, page(b"hi"), (Outcome.GOOD, Reason.NONE, 200), id="good"),
        pytest.param(200, page(b"", status=500), (Outcome.BAD, Reason.TOLERANCE, 500), id="500"),
        pytest.param([200, 404], page(b"", status=404), (Outcome.GOOD, Reason.NONE, 404), id="one"),
        pytest.param(200, b"", (Outcome.BAD, Reason.CLOSED, 0), id="closed without a word"),
        pytest.param(200, page(b"hi")[:-1], (Outcome.BAD, Reason.CLOSED, 0), id="cut short"),
        pytest.param(200, b"+PONG\r\n", (Outcome.BAD, Reason.PROTOCOL, 0), id="not http"),
        pytest.param(
            {"type": "regex", "target": "body", "pattern": "^h"},
            page(b"hi"),
            (Outcome.GOOD, Reason.NONE, 200),
            id="the body matches",
        ),
        pytest.param(
            {"type": "regex", "target": "body", "pattern": "ünf"},
            page("fünf".encode("latin-1"), kind="text/html"),
            (Outcome.GOOD, Reason.NONE, 200),
            id="text without a charset is latin-1",
        ),
        pytest.param(
            {"type": "jsonpath", "target": "body", "path": "$.state", "expect": "up"},
            page(b'{"state": "up"}', kind="application/json"),
            (Outcome.GOOD, Reason.NONE, 200),
            id="json",
        ),
        pytest.param(
            {"type": "jsonpath", "target": "body", "path": "$.state"},
            page(b"{broken", kind="application/json"),
            (Outcome.BAD, Reason.PROTOCOL, 200),
            id="json that is none",
        ),
        pytest.param(
            {"type": "regex", "target": "body", "pattern": "zipped"},
            page(gzip.compress(b"it was zipped"), more="Content-Encoding: gzip\r\n"),
            (Outcome.GOOD, Reason.NONE, 200),
            id="compressed against our wish",
        ),
        pytest.param(
            {"type": "jsonpath", "target": "headers", "path": "$.Server", "expect": "tiny"},
            page(b"", more="Server: tiny\r\n"),
            (Outcome.GOOD, Reason.NONE, 200),
            id="a header",
        ),
    ],
)
def test_an_answer_is_judged_by_its_tolerance(
    tolerance: Any, raw: bytes, expected: tuple[Outcome, Reason, int]
) -> None:
    judgement = ask(URL, tolerance, raw)

    assert judgement is not None
    assert judgement[:3] == expected


def test_a_redirect_is_followed_with_the_next_request() -> None:
    judgement = ask(
        {**URL, "method": "POST", "arguments": {"a": 1}},
        200,
        b"HTTP/1.1 303 See Other\r\nLocation: /b?c=1\r\nContent-Length: 0\r\n\r\n",
    )
    assert judgement is not None
    assert judgement.follow is not None
    following = judgement.follow.open()

    assert following.outbox.startswith(b"GET /b?c=1 HTTP/1.1\r\n")
    assert b"Content-Length" not in following.outbox
    assert following.feed(page(b"hi")) == (Outcome.GOOD, Reason.NONE, 200, None)


def test_a_redirect_to_a_name_we_never_resolved_says_nothing_about_the_target() -> None:
    raw = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\n\r\n"
    judgement = ask(URL, 200, raw)

    assert judgement == (Outcome.UNKNOWN, Reason.UNRESOLVED, 302, None)


def test_a_circle_of_redirects_ends() -> None:
    raw = b"HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n"
    judgement, hops = ask(URL, 200, raw), 0
    while judgement is not None and judgement.follow is not None:
        judgement, hops = judgement.follow.open().feed(raw), hops + 1

    assert hops == 30
    assert judgement == (Outcome.BAD, Reason.PROTOCOL, 302, None)


@pytest.mark.parametrize(
    ("provider", "tolerance", "named"),
    [
        pytest.param({"url": "ftp://x/"}, 200, "http://", id="another scheme"),
        pytest.param({"url": "http://x:99999/"}, 200, "url", id="an impossible port"),
        pytest.param({}, 200, "url", id="no address"),
        pytest.param({**URL, "metod": "GET"}, 200, "method", id="a typo shows the choices"),
        pytest.param({**URL, "method": "GET /"}, 200, "method", id="a method that is none"),
        pytest.param({**URL, "headers": {"A": "b\r\nC: d"}}, 200, "'A'", id="a smuggled header"),
        pytest.param({**URL, "timeout": -1}, 200, "timeout", id="a negative timeout"),
        pytest.param(URL, {"type": "regex", "pattern": "("}, "pattern", id="a broken pattern"),
        pytest.param(URL, {"type": "rang", "range": [1, 2]}, "range", id="an unknown tolerance"),
        pytest.param(URL, {"type": "range", "range": [1]}, "two numbers", id="half a range"),
        pytest.param(URL, {"type": "jsonpath", "path": "$["}, "JSON path", id="a broken path"),
        pytest.param(URL, 1.5, "tolerance", id="a float, as in Chaos Toolkit"),
    ],
)
def test_a_probe_that_cannot_be_asked_is_refused_with_what_is_allowed(
    provider: dict[str, Any], tolerance: Any, named: str
) -> None:
    with pytest.raises(BadProbe, match=named):
        http.question(provider, tolerance, Settings())

    spec = ProbeSpec(name="front", kind="http", provider=provider, tolerance=tolerance)
    assert shelf.problem(spec).startswith("probe 'front': ")


def test_the_shelf_knows_every_kind_and_says_one_line_about_it() -> None:
    assert shelf.names() == ("http", "process", "python", "tcp")
    assert all(shelf.summary(name) for name in shelf.names())


def test_running_out_of_our_own_ports_is_no_evidence_against_the_target() -> None:
    import errno

    assert from_errno(errno.EADDRNOTAVAIL).outcome is Outcome.UNKNOWN
    assert from_errno(errno.ECONNREFUSED)[:2] == (Outcome.BAD, Reason.REFUSED)
