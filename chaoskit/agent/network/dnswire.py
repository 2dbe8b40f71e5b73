"""DNS messages as bytes (RFC 1035): what a query asks, and the answers that a fault gives.

Only what a fault must know is read; everything else of a message is passed on as it came.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address

A, AAAA = 1, 28
PORT = 53
OWN_MARK = 0x800  # on the packets of our own queries, so that they are not redirected to ourselves
RCODES = {"noerror": 0, "servfail": 2, "nxdomain": 3, "refused": 5}

_HEADER = struct.Struct(">HHHHHH")
_IN = 1
_QR, _OPCODE, _RD, _RA = 0x8000, 0x7800, 0x0100, 0x0080
_POINTER = 0xC0
_LABELS = 128  # more than a name of 255 bytes can have


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a query asks."""

    name: str  # lower case, without the dot at its end
    kind: int  # A, AAAA, ...
    raw: bytes  # the question section as it was written


def question(message: bytes) -> Question | None:
    """The question of a query; None for whatever is not a query with exactly one."""
    if len(message) < _HEADER.size:
        return None
    _, flags, questions, *_ = _HEADER.unpack_from(message)
    if flags & (_QR | _OPCODE) or questions != 1:
        return None
    try:
        labels, end = _labels(message, _HEADER.size)
        kind, _ = struct.unpack_from(">HH", message, end)
    except (IndexError, ValueError, struct.error):
        return None
    name = b".".join(labels).decode("latin-1").lower()
    return Question(name=name, kind=kind, raw=message[_HEADER.size : end + 4])


def reply(
    message: bytes, asked: Question, *, rcode: int = 0, addresses: Sequence[str] = ()
) -> bytes:
    """An answer to a query: an error, or addresses that nobody may keep (their TTL is 0)."""
    number, flags, *_ = _HEADER.unpack_from(message)
    flags = _QR | flags & _RD | _RA | rcode
    records = b"".join(
        struct.pack(">HHHIH", 0xC00C, A, _IN, 0, 4) + IPv4Address(one).packed for one in addresses
    )
    return _HEADER.pack(number, flags, 1, len(addresses), 0, 0) + asked.raw + records


def query(name: str, *, number: int, kind: int = A) -> bytes:
    """A query with recursion desired. Raises ValueError for what cannot be a name."""
    labels = [one.encode("ascii") for one in name.rstrip(".").split(".")]
    if not all(0 < len(one) < 64 for one in labels):
        message = f"{name!r} cannot be asked for: each part of a name has 1 to 63 characters"
        raise ValueError(message)
    written = b"".join(bytes([len(one)]) + one for one in labels)
    return _HEADER.pack(number, _RD, 1, 0, 0, 0) + written + struct.pack(">BHH", 0, kind, _IN)


def rcode(message: bytes) -> int:
    """The response code of an answer; -1 for bytes that are none."""
    return _HEADER.unpack_from(message)[1] & 0xF if len(message) >= _HEADER.size else -1


def addresses(message: bytes) -> list[str]:
    """The IPv4 addresses in an answer. Raises ValueError for bytes that are none."""
    try:
        _, _, questions, answers, _, _ = _HEADER.unpack_from(message)
        at = _HEADER.size
        for _ in range(questions):
            at = _labels(message, at)[1] + 4
        found = []
        for _ in range(answers):
            at = _labels(message, at)[1]
            kind, _, _, size = struct.unpack_from(">HHIH", message, at)
            if kind == A:
                found.append(str(IPv4Address(message[at + 10 : at + 10 + size])))
            at += 10 + size
    except (IndexError, struct.error) as error:
        words = "these bytes are no DNS answer"
        raise ValueError(words) from error
    return found


def matches(name: str, patterns: Sequence[str], search: Sequence[str] = ()) -> bool:
    """Whether a name is meant by one of the patterns, as it is or under one of the search domains.

    A resolver asks for `db` as `db.example.org` too, when its search list says so.
    """
    name = name.rstrip(".").lower()
    stems = [name.removesuffix(f".{one.strip('.').lower()}") for one in search]
    wanted = [one.rstrip(".").lower() for one in patterns]
    return any(fnmatchcase(one, pattern) for one in (name, *stems) for pattern in wanted)


def _labels(message: bytes, at: int) -> tuple[list[bytes], int]:
    """The labels of the name at an offset, and the offset behind it."""
    labels: list[bytes] = []
    end = -1
    for _ in range(_LABELS):
        size = message[at]
        if size == 0:
            return labels, at + 1 if end < 0 else end
        if size & _POINTER == _POINTER:
            end = at + 2 if end < 0 else end
            at = (size & ~_POINTER) << 8 | message[at + 1]
            continue
        labels.append(message[at + 1 : at + 1 + size])
        at += 1 + size
    words = "a name without an end"
    raise ValueError(words)
