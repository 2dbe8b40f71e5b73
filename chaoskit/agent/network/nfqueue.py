"""A netfilter queue: packets that a rule hands to a program, which decides what becomes of them.

Layout and constants: include/uapi/linux/netfilter/nfnetlink_queue.h. What the program cannot take
is let through, never lost (fail-open), and counted by the gap that it leaves in the packets' ids.
"""

import errno
import os
import socket
import struct
from collections.abc import Container
from dataclasses import dataclass

from chaoskit.agent.kind import Refused
from chaoskit.agent.network import netlink

LOCAL_IN, LOCAL_OUT = 1, 3  # hooks
DROP, ACCEPT, REPEAT = 0, 1, 4  # verdicts

FIRST_NUMBER = 0xC4A0
MOST = 11  # faults of this kind in one network: each has a mark bit of its own
_FIRST_BIT = 20  # above those that container engines and Kubernetes use

_NETFILTER = 12  # protocol of the socket
_SUBSYSTEM = 3 << 8
_PACKET, _VERDICT, _CONFIG = (_SUBSYSTEM | number for number in range(3))
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_BIND, _COPY_PACKET = 1, 2
_FAIL_OPEN, _GSO = 1, 4
_HDR, _VERDICT_HDR, _MARK, _PAYLOAD = 1, 2, 3, 10

_GENERAL = struct.Struct(">BBH")  # family, version, queue number
_PACKET_HDR = struct.Struct(">IHB")  # id, protocol, hook
_SO_RCVBUFFORCE = 33
_BUFFER_BYTES = 32 << 20
_LARGEST = 0xFFFF
_BATCH_BYTES = 60_000  # of verdicts in one system call


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet that waits for its verdict."""

    number: int
    hook: int
    mark: int
    data: bytes  # from the IP header on; only the beginning when not all of it was asked for


def bit_of(number: int) -> int:
    """The mark of the packets that this queue has dealt with."""
    return 1 << (_FIRST_BIT + number - FIRST_NUMBER)


class Queue:
    """One bound queue in the network namespace that this process is in."""

    def __init__(self, number: int, one: socket.socket) -> None:
        """Use `Queue.open`."""
        self.number = number
        self.bit = bit_of(number)
        self.missed = 0  # packets that the kernel let through because we did not read fast enough
        self._socket = one
        self._last = 0
        self._outbox = bytearray()

    @classmethod
    def open(cls, *, whole: bool, gso: bool, room: int, avoid: Container[int] = ()) -> "Queue":
        """Bind the first free queue of ours. Raises Refused when all are taken, OSError.

        `whole`: packets come with all their bytes. `gso`: large ones come uncut, which is fast.
        `room`: how many may wait before the kernel lets the next ones through.
        """
        one = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
        try:
            one.bind((0, 0))
            one.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
            number = _bind_first_free(one, avoid)
            flags = _FAIL_OPEN | (_GSO if gso else 0)
            size = _LARGEST if whole else 128
            for setting in (
                netlink.attribute(_CFG_PARAMS, struct.pack(">IB", size, _COPY_PACKET)),
                netlink.attribute(_CFG_MAXLEN, struct.pack(">I", room)),
                netlink.attribute(_CFG_FLAGS, struct.pack(">I", flags))
                + netlink.attribute(_CFG_MASK, struct.pack(">I", _FAIL_OPEN | _GSO)),
            ):
                _configure(one, number, setting)
        except BaseException:
            one.close()
            raise
        one.setblocking(False)
        return cls(number, one)

    def fileno(self) -> int:
        """To be waited for."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let go of the queue: what waits in it is dropped by the kernel, so drain it before."""
        self._socket.close()

    def packets(self, most: int) -> list[Packet]:
        """Those that wait to be read, at most so many."""
        found: list[Packet] = []
        for _ in range(most):
            try:
                data = self._socket.recv(_LARGEST + 1024)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # which the gap in the ids will tell, too
                    raise
                continue
            found += [self._read(body) for kind, body in netlink.messages(data) if kind == _PACKET]
        return found

    def _read(self, body: bytes) -> Packet:
        fields = netlink.attributes(body, _GENERAL.size)
        number, _, hook = _PACKET_HDR.unpack_from(fields[_HDR])
        self.missed += (number - self._last - 1) & 0xFFFFFFFF
        self._last = number
        mark = int.from_bytes(fields.get(_MARK, b""), "big")
        return Packet(number, hook, mark, fields.get(_PAYLOAD, b""))

    def decide(self, packet: Packet, verdict: int, data: bytes | None = None) -> None:
        """The verdict on a packet, maybe with other bytes. It is told by the next `flush`."""
        body = _GENERAL.pack(socket.AF_UNSPEC, 0, self.number) + netlink.attribute(
            _VERDICT_HDR, struct.pack(">II", verdict, packet.number)
        )
        if verdict == REPEAT:
            body += netlink.attribute(_MARK, struct.pack(">I", packet.mark | self.bit))
        if data is not None:
            body += netlink.attribute(_PAYLOAD, data)
        if len(self._outbox) + len(body) > _BATCH_BYTES:
            self.flush()
        self._outbox += netlink.message(_VERDICT, body)

    def let_go(self, packet: Packet, data: bytes | None = None) -> None:
        """On its way again, marked as dealt with, and met by the rules of other faults."""
        self.decide(packet, REPEAT, data)

    def flush(self) -> None:
        """Tell the kernel all verdicts, in one system call."""
        if self._outbox:
            self._socket.setblocking(True)
            self._socket.send(self._outbox)
            self._socket.setblocking(False)
            self._outbox.clear()


def _bind_first_free(one: socket.socket, avoid: Container[int]) -> int:
    """The kernel refuses a queue that is bound by somebody else, which makes the choice safe."""
    for number in range(FIRST_NUMBER, FIRST_NUMBER + MOST):
        if number in avoid:
            continue
        try:
            command = struct.pack(">BBH", _BIND, 0, socket.AF_INET)
            _configure(one, number, netlink.attribute(_CFG_CMD, command))
        except OSError as error:
            if error.errno == errno.EBUSY:
                continue
            raise
        return number
    message = f"{MOST} faults of packets are held there already, which is the most"
    raise Refused(message)


def _configure(one: socket.socket, number: int, setting: bytes) -> None:
    """Send a setting and wait for the kernel's word. Raises OSError with its reason."""
    body = _GENERAL.pack(socket.AF_UNSPEC, 0, number) + setting
    one.send(netlink.message(_CONFIG, body, flags=netlink.REQUEST | netlink.ACK))
    while True:
        for kind, answer in netlink.messages(one.recv(_LARGEST)):
            if kind != netlink.ERROR:
                continue
            if failure := netlink.error_number(answer):
                raise OSError(failure, f"netfilter queue: {os.strerror(failure)}")
            return
