"""HTTP/1.1 as it is on the wire (RFC 9112): where a head ends, and where a message ends.

Only framing is understood. Heads are kept as the bytes that they were, so that what is passed on is
what came; a body is never gathered, only followed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

HEAD_LIMIT = 1 << 16  # bytes of a head; whatever is longer is not taken for one
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST = re.compile(rb"(" + _TOKEN + rb") (\S+) HTTP/1\.([01])")
_ANSWER = re.compile(rb"HTTP/1\.([01]) (\d{3})(?: [^\r\n]*)?")
_METHOD_START = re.compile(rb"[A-Za-z!#$%&'*+.^_`|~0-9-]{1,32}( .*)?", re.DOTALL)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_PREFACE = b"PRI * HTTP/2.0\r\n"
_HANDSHAKE = b"\x16\x03"  # a TLS record that begins a handshake


class NotHttp(Exception):
    """These bytes are no HTTP/1 message."""


class Speech(StrEnum):
    """What the first bytes of a client look like."""

    HTTP = "http"
    TLS = "tls"
    HTTP2 = "http2"
    OTHER = "other"
    UNKNOWN = "unknown"  # too few bytes to tell


def recognise(data: bytes | bytearray) -> Speech:
    """Which protocol a client that begins like this speaks."""
    start = bytes(data[: len(_PREFACE)]).lstrip(b"\r\n")
    if start == _PREFACE:
        return Speech.HTTP2
    if _PREFACE.startswith(start) or start == _HANDSHAKE[:1]:
        return Speech.UNKNOWN
    if start.startswith(_HANDSHAKE):
        return Speech.TLS
    return Speech.HTTP if _METHOD_START.fullmatch(start) else Speech.OTHER


@dataclass(frozen=True, kw_only=True)
class Head:
    """The head of a message; names of headers are in lower case."""

    raw: bytes  # with the empty line at its end
    version: int  # the minor one: 0 or 1
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    method: str = ""  # of a request
    path: str = ""  # of a request, without its query
    status: int = 0  # of an answer

    def has(self, name: str, word: str) -> bool:
        """Whether a comma-separated header contains a word, in whatever case."""
        listed = ",".join(self.headers.get(name, ())).lower().split(",")
        return word in (one.strip() for one in listed)

    @property
    def keeps_open(self) -> bool:
        """Whether the sender means to use the connection again."""
        if self.has("connection", "close"):
            return False
        return self.version == 1 or self.has("connection", "keep-alive")


def head_in(data: bytearray) -> bytes | None:
    """The head that the data begins with; None while it is not whole.

    Raises NotHttp when it is longer than any head.
    """
    end = data.find(b"\r\n\r\n", 0, HEAD_LIMIT)
    if end < 0 and len(data) >= HEAD_LIMIT:
        raise NotHttp
    return bytes(data[: end + 4]) if end >= 0 else None


def parse_request(raw: bytes) -> Head:
    """The head of a request. Raises NotHttp."""
    first, _, rest = raw.partition(b"\r\n")
    match = _REQUEST.fullmatch(first)
    if match is None:
        raise NotHttp
    method, target, version = match.groups()
    return Head(
        raw=raw,
        version=int(version),
        headers=_headers(rest),
        method=method.decode("ascii"),
        path=_path(target.decode("latin-1")),
    )


def parse_answer(raw: bytes) -> Head:
    """The head of an answer. Raises NotHttp."""
    first, _, rest = raw.partition(b"\r\n")
    match = _ANSWER.fullmatch(first)
    if match is None:
        raise NotHttp
    version, status = match.groups()
    return Head(raw=raw, version=int(version), headers=_headers(rest), status=int(status))


def _path(target: str) -> str:
    """The path of a request's target, which may be a whole address."""
    if "://" in target.partition("?")[0]:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0]


def _headers(block: bytes) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in block.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not line:
            break
        if not colon or not re.fullmatch(_TOKEN, name):
            raise NotHttp
        key = name.decode("ascii").lower()
        found[key] = (*found.get(key, ()), value.strip().decode("latin-1"))
    return found


Span = tuple[int, int]


class Body(Protocol):
    """Follows a body through the bytes of a connection."""

    done: bool

    def take(self, data: bytes | bytearray) -> tuple[int, list[Span]]:
        """How many of these bytes belong to the message, and where among them is payload.

        Raises NotHttp when they cannot be what was announced.
        """
        ...


class Sized:
    """A body of a known number of bytes."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = size == 0

    def take(self, data: bytes | bytearray) -> tuple[int, list[Span]]:
        """See Body."""
        size = min(self._left, len(data))
        self._left -= size
        self.done = self._left == 0
        return size, [(0, size)] if size else []


class UntilEnd:
    """A body that lasts until the connection ends."""

    done = False

    def take(self, data: bytes | bytearray) -> tuple[int, list[Span]]:
        """See Body."""
        return len(data), [(0, len(data))] if data else []


class Chunked:
    """A body in chunks, with its trailer."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0  # bytes of the chunk's payload, still to come
        self._line = bytearray()  # a line that is not whole
        self._state = "size"  # then payload, then its end, ...; and last the trailer

    def take(self, data: bytes | bytearray) -> tuple[int, list[Span]]:
        """See Body."""
        position = 0
        spans: list[Span] = []
        while position < len(data) and not self.done:
            if self._state == "payload":
                size = min(self._left, len(data) - position)
                spans.append((position, position + size))
                position += size
                self._left -= size
                if not self._left:
                    self._state = "end"
                continue
            end = data.find(b"\n", position)
            stop = len(data) if end < 0 else end + 1
            self._line += data[position:stop]
            position = stop
            if len(self._line) > HEAD_LIMIT:
                raise NotHttp
            if end >= 0:
                self._read_line(bytes(self._line).rstrip(b"\r\n"))
                self._line.clear()
        return position, spans

    def _read_line(self, line: bytes) -> None:
        if self._state == "size":
            match = _SIZE.fullmatch(line)
            if match is None:
                raise NotHttp
            self._left = int(match[1], 16)
            self._state = "payload" if self._left else "trailer"
        elif self._state == "end":
            if line:
                raise NotHttp
            self._state = "size"
        elif not line:
            self.done = True


def body_of_request(head: Head) -> Body:
    """How the body of a request is framed. Raises NotHttp when that is unclear."""
    if "transfer-encoding" in head.headers:
        if not _is_chunked(head):
            raise NotHttp
        return Chunked()
    return Sized(_length(head.headers.get("content-length", ("0",))))


def body_of_answer(head: Head, method: str) -> Body:
    """How the body of an answer to such a request is framed. Raises NotHttp when unclear."""
    if method == "HEAD" or head.status < 200 or head.status in {204, 304}:
        return Sized(0)
    if "transfer-encoding" in head.headers:
        return Chunked() if _is_chunked(head) else UntilEnd()
    if "content-length" in head.headers:
        return Sized(_length(head.headers["content-length"]))
    return UntilEnd()


def _is_chunked(head: Head) -> bool:
    codings = ",".join(head.headers["transfer-encoding"]).lower().split(",")
    return codings[-1].strip() == "chunked"


def _length(values: Iterable[str]) -> int:
    found = {one.strip() for value in values for one in value.split(",")}
    if len(found) != 1 or not re.fullmatch(r"[0-9]{1,18}", length := found.pop()):
        raise NotHttp
    return int(length)
