"""The TCP connections of an instance's network: which are open, and ending them at once.

They are read from /proc, and ended through the kernel's socket diagnosis (`ss --kill` does it the
same way), which sends a reset to the other end. A socket is ended by its cookie only: asked for by
its addresses, the kernel would take the *listening* socket for a connection that is gone by now.
"""

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from chaoskit.agent import processes
from chaoskit.agent.kind import Params, Refused

_ESTABLISHED, _LISTENING = 1, 10
_SOCK_DIAG, _BY_FAMILY, _DESTROY = 4, 20, 21
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_MAPPED = bytes(10) + b"\xff\xff"  # before an IPv4 address in an IPv6 socket


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One open TCP connection over IPv4, seen from the instance."""

    here: str
    port: int
    there: str
    other_port: int
    inwards: bool = False  # the other end opened it: we listen on that port

    @property
    def ends(self) -> tuple[str, int, str, int]:
        """What tells it from every other one at this moment."""
        return self.here, self.port, self.there, self.other_port


def established(pid: int) -> list[Connection]:
    """The open connections of a process's network, loopback apart. Raises OSError."""
    rows = [row for name in ("tcp", "tcp6") for row in _rows(Path(f"/proc/{pid}/net/{name}"))]
    listening = {port for (_, port), _, state in rows if state == _LISTENING}
    return [
        Connection(here=here, port=port, there=there, other_port=other, inwards=port in listening)
        for (here, port), (there, other), state in rows
        if state == _ESTABLISHED and here and there and not here.startswith("127.")
    ]


def chosen(connections: Iterable[Connection], rules: Iterable[Params]) -> list[Connection]:
    """Those that a rule means: by who opened it, the other end, and the server's port."""
    wanted = list(rules)
    return [one for one in connections if any(_means(rule, one) for rule in wanted)]


def _means(rule: Params, one: Connection) -> bool:
    ports = rule.get("ports") or ()
    server_port = one.port if one.inwards else one.other_port
    return (
        (rule["direction"] == "in") == one.inwards
        and rule["peer"] in {"any", one.there}
        and (not ports or server_port in ports)
    )


def _rows(path: Path) -> Iterator[tuple[tuple[str, int], tuple[str, int], int]]:
    """Local end, remote end and state of each socket; IPv6 proper has empty addresses."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()[1:]
    except FileNotFoundError:
        return  # a kernel without IPv6
    for line in lines:
        words = line.split()
        yield _end(words[1]), _end(words[2]), int(words[3], 16)


def _end(text: str) -> tuple[str, int]:
    """`0100007F:1F90`: 32-bit words in the machine's own order, then the port."""
    digits, _, port = text.partition(":")
    words = (int(digits[at : at + 8], 16) for at in range(0, len(digits), 8))
    return _ipv4(b"".join(struct.pack("=I", word) for word in words)), int(port, 16)


def _ipv4(packed: bytes) -> str:
    if len(packed) == 16:
        if packed[:12] not in {_MAPPED, bytes(12)}:
            return ""
        packed = packed[12:]
    return str(ipaddress.IPv4Address(packed))


def destroy(pid: int, wanted: Iterable[tuple[str, int, str, int]]) -> int:
    """End these connections with a reset to the other end; how many there were.

    One that has ended meanwhile is none. Raises Refused where the kernel cannot do it, OSError.
    """
    with processes.network_of(pid):
        talk = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
    with talk:
        talk.settimeout(1.0)
        ended = 0
        doomed = set(wanted)
        families = (socket.AF_INET, socket.AF_INET6)
        found = [one for family in families for one in _sockets(talk, family)]
        for family, ends, identity in found:
            ended += ends in doomed and _end_one(talk, family, identity)
        return ended


def _sockets(
    talk: socket.socket, family: int
) -> Iterator[tuple[int, tuple[str, int, str, int], bytes]]:
    """Every open connection of a family, with what the kernel knows it by."""
    request = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 1 << _ESTABLISHED) + bytes(48)
    talk.send(_message(_BY_FAMILY, _REQUEST | _DUMP, request))
    while True:
        for kind, body in _messages(talk.recv(1 << 18)):
            if kind in {_DONE, _ERROR}:
                return
            identity = body[4:52]
            port, other = struct.unpack_from("!HH", identity)
            width = 4 if body[0] == socket.AF_INET else 16
            here, there = identity[4 : 4 + width], identity[20 : 20 + width]
            yield family, (_ipv4(here), port, _ipv4(there), other), identity


def _end_one(talk: socket.socket, family: int, identity: bytes) -> bool:
    request = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 1 << _ESTABLISHED) + identity
    talk.send(_message(_DESTROY, _REQUEST | _ACK, request))
    for kind, body in _messages(talk.recv(1 << 16)):
        if kind == _ERROR:
            number = -int(struct.unpack_from("=i", body)[0])
            if number in {0, errno.ENOENT, errno.ESTALE}:
                return number == 0
            message = f"the kernel does not end a connection: {os.strerror(number)}"
            raise Refused(message)
    message = "the kernel did not say whether it ended a connection"
    raise Refused(message)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        yield kind, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]
