"""Netlink in bytes: messages and their attributes, as the kernel lays them out.

Layout and constants: include/uapi/linux/{netlink,netfilter/nfnetlink}.h.
"""

import struct
from collections.abc import Iterator

REQUEST, ACK = 0x1, 0x4
ERROR = 2  # message type: an error, or with number 0 an acknowledgement

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_TYPE_MASK = 0x3FFF  # the two bits above are flags: nested, byte order


def message(kind: int, body: bytes, *, flags: int = REQUEST, sequence: int = 0) -> bytes:
    """A whole message, padded to the alignment that the next one needs."""
    length = _HEADER.size + len(body)
    return _HEADER.pack(length, kind, flags, sequence, 0) + body + bytes(-length % 4)


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and the body of each message in what was received; a torn one ends it."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """The attributes from that place on, by type; a torn one ends them."""
    found: dict[int, bytes] = {}
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            break
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def error_number(body: bytes) -> int:
    """The errno of an error message; 0 is an acknowledgement."""
    return -int(struct.unpack_from("=i", body)[0])
