"""HTTP answers: whole or not, however the network tears them."""

import pytest

from chaoskit.probes.http_answer import HttpAnswer, Malformed

WHOLE = {
    "a length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "an empty body": (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", 200, b""),
    "no body at all": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n7;x=1\r\n, world\r\n0\r\n\r\n",
        200,
        b"hello, world",
    ),
    "chunks that contain line ends": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n1\r\n0\r\n\r\n23\r\n0\r\n\r\n",
        200,
        b"1\r\n0\r\n\r\n23",
    ),
    "trailers": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding:  Chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n",
        200,
        b"x",
    ),
    "chunks over a length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1\r\nx\r\n0\r\n\r\n",
        200,
        b"x",
    ),
    "an interim answer first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno",
        503,
        b"no",
    ),
    "bare line feeds": (b"HTTP/1.0 200 OK\nContent-Length: 2\n\nok", 200, b"ok"),
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
}


def read(pieces: list[bytes]) -> HttpAnswer:
    reading = HttpAnswer(keep_body=True)
    for piece in pieces:
        assert not reading.complete, "complete before the last byte"
        reading.feed(piece)
    return reading


@pytest.mark.parametrize(("raw", "status", "body"), WHOLE.values(), ids=WHOLE.keys())
def test_an_answer_torn_at_any_byte_is_the_same_answer(
    raw: bytes, status: int, body: bytes
) -> None:
    for at in range(1, len(raw)):
        reading = read([raw[:at], raw[at:]])

        assert (reading.status, bytes(reading.body)) == (status, body), at
        assert reading.complete, at


@pytest.mark.parametrize(("raw", "status", "body"), WHOLE.values(), ids=WHOLE.keys())
def test_an_answer_that_drips_is_the_same_answer(raw: bytes, status: int, body: bytes) -> None:
    reading = read([raw[at : at + 1] for at in range(len(raw))])

    assert reading.complete
    assert (reading.status, bytes(reading.body)) == (status, body)


@pytest.mark.parametrize(("raw", "status", "body"), WHOLE.values(), ids=WHOLE.keys())
def test_an_answer_cut_anywhere_is_not_whole(raw: bytes, status: int, body: bytes) -> None:
    for at in range(len(raw)):
        reading = HttpAnswer()
        reading.feed(raw[:at])

        assert not reading.closed(), at


def test_without_a_length_the_answer_ends_with_the_connection() -> None:
    reading = HttpAnswer(keep_body=True)
    reading.feed(b"HTTP/1.0 200 OK\r\n\r\nhel")
    reading.feed(b"lo")

    assert not reading.complete
    assert reading.closed()
    assert bytes(reading.body) == b"hello"


def test_the_answer_to_head_has_no_body_whatever_its_length_says() -> None:
    reading = HttpAnswer(head_only=True)
    reading.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")

    assert reading.complete


def test_repeated_headers_are_joined_under_the_first_ones_place() -> None:
    reading = HttpAnswer()
    reading.feed(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\nX-A:  2 \r\n\r\n")

    assert reading.headers() == {"X-A": "1, 2", "Content-Length": "0"}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="no status"),
        pytest.param(b"HTTP/2 200\r\n\r\n", id="another version"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n", id="a negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="no number for a length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="no chunk size"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, id="a head without end"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 9000,
            id="a chunk size without end",
        ),
    ],
)
def test_what_is_not_http_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        HttpAnswer().feed(raw)
