"""The kernel's memory of where packets go: forgotten for flows that a new rule must meet.

Address translation is decided once for a flow. A resolver that keeps its UDP socket open would
otherwise never meet a rule that was added later, and would go on meeting one that was taken away.
"""

import os
import socket
import struct
from collections.abc import Collection, Iterator
from ipaddress import IPv4Address

from chaoskit.agent.processes import network_of

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x0101, 0x0102  # of the subsystem for connection tracking
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE = 2, 3
_TUPLE_ORIG, _TUPLE_IP, _TUPLE_PROTO = 1, 1, 2
_IP_DST, _PROTO_NUM, _PROTO_DST = 2, 1, 3
_NESTED = 0x8000
_MESSAGE = struct.Struct("=IHHII")
_PATIENCE_S = 1.0


def forget(pid: int, servers: Collection[str], port: int) -> int:
    """Forget the UDP flows from a process's network to these IPv4 addresses; returns how many.

    Raises OSError when the kernel does not say, or that network is gone.
    """
    with (
        network_of(pid),
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as link,
    ):
        link.bind((0, 0))
        link.settimeout(_PATIENCE_S)
        wanted = {IPv4Address(one).packed for one in servers}
        flows = [one for one in _flows(link) if _is_meant(one, wanted, port)]
        return sum(_delete(link, one) for one in flows)


def _flows(link: socket.socket) -> Iterator[bytes]:
    """The original tuple of each IPv4 flow, as the kernel writes it."""
    link.send(_message(_GET, _REQUEST | _DUMP, b""))
    while True:
        for kind, body in _messages(link.recv(1 << 18)):
            if kind == _DONE:
                return
            _raise_error(kind, body)
            original = dict(_attributes(body[4:])).get(_TUPLE_ORIG)
            if original is not None:
                yield original


def _is_meant(flow: bytes, servers: Collection[bytes], port: int) -> bool:
    parts = dict(_attributes(flow))
    address = dict(_attributes(parts.get(_TUPLE_IP, b""))).get(_IP_DST)
    protocol = dict(_attributes(parts.get(_TUPLE_PROTO, b"")))
    return (
        address in servers
        and protocol.get(_PROTO_NUM) == bytes([socket.IPPROTO_UDP])
        and protocol.get(_PROTO_DST) == port.to_bytes(2, "big")
    )


def _delete(link: socket.socket, flow: bytes) -> int:
    attribute = struct.pack("=HH", 4 + len(flow), _TUPLE_ORIG | _NESTED) + flow
    link.send(_message(_DELETE, _REQUEST | _ACK, attribute))
    for kind, body in _messages(link.recv(1 << 16)):
        try:
            _raise_error(kind, body)
        except FileNotFoundError:
            return 0  # it ran out by itself
    return 1


def _message(kind: int, flags: int, attributes: bytes) -> bytes:
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + attributes
    return _MESSAGE.pack(_MESSAGE.size + len(body), kind, flags, 1, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _MESSAGE.size <= len(data):
        size, kind, *_ = _MESSAGE.unpack_from(data, at)
        yield kind, data[at + _MESSAGE.size : at + size]
        at += (size + 3) & ~3


def _raise_error(kind: int, body: bytes) -> None:
    if kind == _ERROR and (number := -struct.unpack_from("=i", body)[0]):
        raise OSError(number, f"connection tracking: {os.strerror(number)}")


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            return
        yield kind & 0x3FFF, data[at + 4 : at + size]
        at += (size + 3) & ~3
