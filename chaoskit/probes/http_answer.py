"""An HTTP/1 answer, read as its bytes come: complete only when the whole of it arrived.

A server that dies half-way through a body has not answered; a client that is content with the status
line would never know.
"""

import re
from enum import Enum

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?:[ \r\n]|$)")
_STATUS_LINE_START = b"HTTP/1."
_FRAMING = re.compile(rb"(?i)\n(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*)")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?")
_MAX_HEAD_BYTES = 65536
_MAX_LINE_BYTES = 8192


class Malformed(ValueError):
    """What came is not HTTP."""


class _Body(Enum):
    """How the end of the body is known."""

    UNREAD_HEAD = 0
    LENGTH = 1
    CHUNKED = 2
    UNTIL_CLOSE = 3


class HttpAnswer:
    """One answer. `feed` it; `complete` tells when it is all there."""

    __slots__ = (
        "_chunk_left",
        "_framing",
        "_head_only",
        "_keep",
        "_left",
        "_rest",
        "_saw_last",
        "body",
        "complete",
        "head",
        "status",
    )

    def __init__(self, *, head_only: bool = False, keep_body: bool = False) -> None:
        """`head_only`: the request was HEAD. `keep_body`: somebody will look at it."""
        self.status = 0
        self.head = b""
        self.body = bytearray()
        self.complete = False
        self._head_only = head_only
        self._keep = keep_body
        self._framing = _Body.UNREAD_HEAD
        self._rest = b""  # bytes not understood yet
        self._left = 0  # of the body, when its length is known
        self._chunk_left = -1  # of the current chunk with its line end; -1: a size line is next
        self._saw_last = False  # the chunk of size 0 came; trailers follow

    def feed(self, data: bytes) -> None:
        """Take what came. Raises Malformed."""
        if self._framing is _Body.UNREAD_HEAD:
            data = self._rest + data if self._rest else data
            self._rest = b""
            data = self._read_head(data)
        if self._framing is _Body.LENGTH:
            self._take(data[: self._left])
            self._left -= len(data)
            self.complete = self._left <= 0
        elif self._framing is _Body.CHUNKED and not self.complete:
            self._read_chunks(self._rest + data)
        elif self._framing is _Body.UNTIL_CLOSE:
            self._take(data)

    def closed(self) -> bool:
        """The connection ended; whether that completes the answer."""
        self.complete = self.complete or self._framing is _Body.UNTIL_CLOSE
        return self.complete

    @property
    def keeps(self) -> bool:
        """Whether the connection may be used for another request: all is read, and it stays open."""
        if not self.complete or self._framing not in {_Body.LENGTH, _Body.CHUNKED}:
            return False
        said = [value for name, value in self.headers().items() if name.lower() == "connection"]
        return self.head.startswith(b"HTTP/1.1") and not any("close" in one.lower() for one in said)

    def headers(self) -> dict[str, str]:
        """The headers under the names they came with; repeated ones are joined by a comma."""
        joined: dict[str, tuple[str, str]] = {}
        for line in self.head.decode("latin-1").splitlines()[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                continue
            key, value = name.strip().lower(), value.strip()
            joined[key] = (name.strip(), f"{joined[key][1]}, {value}" if key in joined else value)
        return dict(joined.values())

    def _take(self, data: bytes) -> None:
        if self._keep:
            self.body += data

    def _read_head(self, data: bytes) -> bytes:
        """Read a head if it is all there; returns the bytes after it."""
        while True:
            end = _HEAD_END.search(data)
            if end is None:
                self._hold_head(data)
                return b""
            found = _STATUS_LINE.match(data)
            if found is None:
                message = "no HTTP/1 status line"
                raise Malformed(message)
            self.status = int(found[1])
            self.head = data[: end.start()]
            data = data[end.end() :]
            if self.status >= 200:
                self._choose_framing()
                return data
            # 100 Continue and its kin come before the real answer.

    def _hold_head(self, data: bytes) -> None:
        start = len(_STATUS_LINE_START)
        if data[:start] != _STATUS_LINE_START[: len(data)] or len(data) > _MAX_HEAD_BYTES:
            message = "no HTTP/1 head"
            raise Malformed(message)
        self._rest = data

    def _choose_framing(self) -> None:
        if self._head_only or self.status in {204, 304}:
            self._framing = _Body.LENGTH
            return
        self._framing = _Body.UNTIL_CLOSE
        for name, value in _FRAMING.findall(self.head):
            if name.lower() == b"transfer-encoding" and b"chunked" in value.lower():
                self._framing = _Body.CHUNKED
                return
            if name.lower() == b"content-length":
                if not value.strip().isdigit():
                    message = "Content-Length is not a number"
                    raise Malformed(message)
                self._framing, self._left = _Body.LENGTH, int(value)

    def _read_chunks(self, data: bytes) -> None:
        at = 0
        while not self.complete:
            if self._chunk_left > 0:
                piece = data[at : at + self._chunk_left]
                # The last two bytes of what is left are the chunk's line end.
                self._take(piece[: max(0, self._chunk_left - 2)])
                self._chunk_left -= len(piece)
                at += len(piece)
                if self._chunk_left > 0:
                    break
                self._chunk_left = -1
            end = data.find(b"\n", at)
            if end < 0:
                break
            line, at = data[at:end].rstrip(b"\r"), end + 1
            self._read_chunk_line(line)
        self._rest = data[at:]
        if len(self._rest) > _MAX_LINE_BYTES:
            message = "a chunk's size line does not end"
            raise Malformed(message)

    def _read_chunk_line(self, line: bytes) -> None:
        if self._saw_last:  # trailers, up to an empty line
            self.complete = not line
            return
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            message = "a chunk's size is not a number"
            raise Malformed(message)
        length = int(size[1], 16)
        if length:
            self._chunk_left = length + 2
        else:
            self._saw_last = True
