"""Program `queue`: holds an instance's packets up, harms them, and lets them go, one by one.

It runs in the instance's network namespace and is handed the packets by a rule. When it dies, the
rule lets everything through; what it held at that moment is lost, as on a broken wire.

What goes out and is to wait is taken from the kernel and sent by us when it is due. Held in the
kernel, it would still count as not sent: TCP lets only about a millisecond's worth of a connection
wait there (tcp_small_queue_check), and a delay would become a rate limit.

Configuration: `effects` by direction (see chaoskit.agent.network.fate), `seed`, `avoid` (queue numbers).
Answers to being ready: `queue`, `bit`. Orders: `{"do": "counts"}`, `{"do": "drain"}`.
"""

import contextlib
import ctypes
import fcntl
import gc
import heapq
import itertools
import select
import signal
import socket
import struct
import time
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from chaoskit.agent.kind import Refused
from chaoskit.agent.network.fate import Decider
from chaoskit.agent.network.nfqueue import DROP, LOCAL_IN, LOCAL_OUT, Packet, Queue
from chaoskit.agent.priority import be_prompt
from chaoskit.agent.programs import talk

ROOM = 100_000  # packets that are held at once; those beyond are let through, and counted
_KERNEL_ROOM = ROOM + 65_536
_AT_ONCE = 64  # packets read before those that are due are looked at again
_PR_SET_TIMERSLACK = 29
_SIOCGIFMTU = 0x8921
_SO_SNDBUFFORCE, _SEND_BYTES = 32, 32 << 20
_LARGEST_BYTES = 65_535
_UNCUT_FROM_BYTES_PER_S = 6_000_000  # a line this fast would be too much work packet by packet


class Program:
    """The packets that are held, and when each is due."""

    def __init__(self, config: dict[str, Any]) -> None:
        effects: dict[str, dict[str, Any]] = config["effects"]
        rng = Random(config["seed"])
        self._deciders = {
            way: Decider(effect=effect, rng=Random(rng.random()))
            for way, effect in sorted(effects.items())
        }
        self._takes_over = bool(effects.get("out", {}).keys() & {"delay_s", "hold"})
        contents = any(one.keys() & {"corrupt", "duplicate"} for one in effects.values())
        self._queue = Queue.open(
            whole=contents or self._takes_over,
            gso=not self._takes_over and all(map(_may_stay_uncut, effects.values())),
            room=_KERNEL_ROOM,
            avoid=frozenset(config.get("avoid", ())),
        )
        self._sender = _Sender()
        self._held: list[tuple[float, int, _Held]] = []
        self._order = itertools.count()
        self._beyond_room = self._uncopied = self._unsent = 0
        self._leaving = False

    def run(self) -> None:
        """Until the agent is gone or says so."""
        talk.tell({"queue": self._queue.number, "bit": self._queue.bit})
        while not self._leaving:
            watched = [self._queue.fileno(), talk.ORDERS]
            ready, _, _ = select.select(watched, [], [], self._patience_s())
            if self._queue.fileno() in ready:
                for packet in self._queue.packets(_AT_ONCE):
                    self._take(packet)
            if talk.ORDERS in ready:
                self._obey()
            self._let_go(time.monotonic())
        self._let_go(float("inf"))
        self._queue.close()

    def leave(self) -> None:
        """End soon, and let go of everything; for signal handlers."""
        self._leaving = True

    def _patience_s(self) -> float:
        """Until the next packet is due. Bounded, so that a signal's wish is noticed."""
        if not self._held:
            return 0.2
        return min(0.2, max(0.0, self._held[0][0] - time.monotonic()))

    def _take(self, packet: Packet) -> None:
        decider = self._deciders.get("in" if packet.hook == LOCAL_IN else "out")
        if decider is None or len(packet.data) < 20:
            self._queue.let_go(packet)
            return
        now_s = time.monotonic()
        fate = decider.decide(packet.data, now_s)
        if fate.lost:
            self._queue.decide(packet, DROP)
            return
        if fate.copies and not self._sender.send(fate.data or packet.data, self._mark(packet)):
            self._uncopied += 1
        if fate.due_s <= now_s or len(self._held) >= ROOM:
            self._beyond_room += fate.due_s > now_s
            self._queue.let_go(packet, fate.data)
            return
        ours = self._takes_over and packet.hook == LOCAL_OUT and self._sender.can_send(packet.data)
        if ours:
            self._queue.decide(packet, DROP)
        held = _Held(packet, fate.data, ours)
        heapq.heappush(self._held, (fate.due_s, next(self._order), held))

    def _let_go(self, now_s: float) -> None:
        while self._held and self._held[0][0] <= now_s:
            _, _, held = heapq.heappop(self._held)
            if not held.ours:
                self._queue.let_go(held.packet, held.data)
            elif not self._sender.send(held.data or held.packet.data, self._mark(held.packet)):
                self._unsent += 1
        self._queue.flush()

    def _mark(self, packet: Packet) -> int:
        """Of what we send: it has been dealt with, and meets the rules of other faults."""
        return packet.mark | self._queue.bit

    def _obey(self) -> None:
        order = talk.read_order()
        if order is None:
            self._leaving = True
            return
        if order.get("do") == "drain":
            for packet in self._queue.packets(_KERNEL_ROOM):
                self._queue.let_go(packet)
            self._let_go(float("inf"))
        talk.tell(self._counts())

    def _counts(self) -> dict[str, Any]:
        ways = {way: asdict(one.counts) for way, one in self._deciders.items()}
        return {
            **ways,
            "missed": self._queue.missed + self._beyond_room,
            "uncopied": self._uncopied,
            "unsent": self._unsent,
            "held": len(self._held),
        }


@dataclass(frozen=True, slots=True)
class _Held:
    """A packet that is not due yet."""

    packet: Packet
    data: bytes | None  # other bytes than it had
    ours: bool  # the kernel has it no more: it is for us to send


class _Sender:
    """Sends whole packets. One that came in is sent to ourselves, over the loopback."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND_BYTES)
        self._socket.setblocking(False)
        self._largest_bytes = _smallest_mtu()

    def can_send(self, data: bytes) -> bool:
        """Whether it fits into one packet of any device here."""
        return len(data) <= self._largest_bytes

    def send(self, data: bytes, mark: int) -> bool:
        """Whether it was sent."""
        where = (socket.inet_ntoa(data[16:20]), 0)
        words = [(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", mark))]
        try:
            self._socket.sendmsg([data], words, 0, where)
        except OSError:  # too large, nobody there any more, or the device is full
            return False
        return True


def _smallest_mtu() -> int:
    """Of the devices here besides the loopback."""
    found = [_LARGEST_BYTES]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for _, name in socket.if_nameindex():
            if name != "lo":
                answer = fcntl.ioctl(one, _SIOCGIFMTU, struct.pack("=16si16x", name.encode(), 0))
                found.append(int(struct.unpack_from("=i", answer, 16)[0]))
    return min(found)


def _may_stay_uncut(effect: dict[str, Any]) -> bool:
    """Whether an uncut packet, which stands for many, can be dealt with as one."""
    if effect.keys() & {"loss", "corrupt", "duplicate", "hold"}:
        return False
    rate: float = effect.get("rate_bytes_per_s", _UNCUT_FROM_BYTES_PER_S)
    return rate >= _UNCUT_FROM_BYTES_PER_S


def main() -> None:
    """Run in the network namespace that the agent chose."""
    config = talk.read_config()
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)  # ns; 50 µs otherwise, on each packet
    be_prompt()
    gc.disable()  # nothing here makes cycles, and a pause would be somebody's latency
    try:
        program = Program(config)
    except (Refused, OSError) as error:
        talk.fail(str(error))
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: program.leave())
        with contextlib.suppress(BrokenPipeError):
            program.run()


if __name__ == "__main__":
    main()
