"""Rules shown to bite by packets of our own: each one that can be met is met, and counts it.

What leaves the instance is sent from inside its network, what comes in from a peer's (or, where
everybody is meant, from the witness's). Every packet is met by our rules before anything else of
the filter, because they stand at the head of their chains.
"""

import errno
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from chaoskit.agent import processes
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network.ends import End
from chaoskit.agent.network.firewall_rules import Line

_DISCARD = 9  # the port that our packets name; nothing of anybody listens there
_NOWHERE = "192.0.2.1"  # reserved for documentation (RFC 5737)
_IN_S = 0.3  # another fault at the sender's may swallow it, so this is waited for in vain sometimes
_OUT_S = 1.5  # a delay of another fault comes before our rule
_ANSWER_S = 0.3


def prove(params: Params, lines: Sequence[Line], counted: Callable[[], list[int]]) -> list[str]:
    """What was seen, in words. Raises Refused when a packet came through, OSError."""
    with ExitStack() as stack:
        shots = {}
        for number, line in enumerate(lines):
            if "direction" in line.rule and not line.counter and _certain(line.rule):
                shots[number] = Shot(line, params, stack)
        return _judge(shots, counted)


def _certain(rule: Params) -> bool:
    return "share" not in rule and "limit" not in rule


class Shot:
    """One packet that must be met by one rule, and whoever would hear it if it were not."""

    def __init__(self, line: Line, params: Params, stack: ExitStack) -> None:
        self.line = line
        self.sent = False
        self.refused = False  # the kernel told the sender
        self._sender: socket.socket | None = None
        self._ear: socket.socket | None = None
        shoot = self._inwards if line.inwards else self._outwards
        shoot(params, stack)

    @property
    def where(self) -> str:
        """Whom the rule is about, in words."""
        peer = self.line.rule["peer"]
        return "anybody" if peer == "any" else str(peer)

    @property
    def must_be_told(self) -> bool:
        """Whether the sender is sure to get an answer: the kernel sends few ICMP messages."""
        return self.line.rule.get("action") == "reset" and self.line.protocol == "tcp"

    def heard(self) -> bool:
        """Whether the packet came through."""
        try:
            return self._ear is not None and bool(self._ear.recv(64))
        except BlockingIOError:
            return False

    def answered(self) -> bool:
        """Whether the sender was told that nobody is there."""
        if self._sender is None or self.refused:
            return self.refused
        self.refused = _error_of(self._sender) in {errno.ECONNREFUSED, errno.ECONNRESET}
        return self.refused

    def _outwards(self, params: Params, stack: ExitStack) -> None:
        rule = self.line.rule
        witness = params.get("witness") or {}
        peer = rule["peer"] if rule["peer"] != "any" else witness.get("address", _NOWHERE)
        try:
            self._send(params["pid"], "", (peer, self._port()), stack)
        except OSError as error:
            if peer == _NOWHERE:
                return  # an internal network has no way there: the listing alone has to prove it
            message = f"a packet to {peer} could not be tried: {error.strerror}"
            raise Refused(message) from error

    def _inwards(self, params: Params, stack: ExitStack) -> None:
        end, local = _peer_of(self.line.rule, params)
        if end is None:
            return
        port = self._port()
        if self.line.protocol == "udp" and not self.line.rule.get("ports"):
            self._ear = stack.enter_context(
                End(pid=params["pid"], address=local).socket(socket.SOCK_DGRAM)
            )
            port = self._ear.getsockname()[1]
        try:
            self._send(end.pid, end.address, (local, port), stack)
        except OSError:
            return  # the peer has gone, or cannot reach us anyway: the listing has to prove it

    def _send(self, pid: int, source: str, target: tuple[str, int], stack: ExitStack) -> None:
        kind = socket.SOCK_DGRAM if self.line.protocol == "udp" else socket.SOCK_STREAM
        one = self._sender = stack.enter_context(_socket(pid, kind, source))
        failure = one.connect_ex(target)
        if failure not in {0, errno.EINPROGRESS, errno.ECONNREFUSED, errno.EPERM}:
            raise OSError(failure, errno.errorcode.get(failure, str(failure)))
        self.refused = failure in {errno.ECONNREFUSED, errno.EPERM}
        if kind == socket.SOCK_DGRAM:
            try:
                one.send(b"chaoskit")
            except (PermissionError, ConnectionRefusedError):
                self.refused = True
        # What the sender's own network refuses was not sent as far as the instance is concerned.
        self.sent = not (self.refused and self.line.inwards and kind == socket.SOCK_DGRAM)

    def _port(self) -> int:
        ports = self.line.rule.get("ports")
        return int(ports[0]) if ports else _DISCARD


def _judge(shots: dict[int, Shot], counted: Callable[[], list[int]]) -> list[str]:
    outs = {number: one for number, one in shots.items() if not one.line.inwards and one.sent}
    ins = {number: one for number, one in shots.items() if one.line.inwards and one.sent}
    unmet = _wait(list(outs), counted, _OUT_S)
    if unmet:
        message = f"a packet to {outs[unmet[0]].where} was let out"
        raise Refused(message)
    unmet = _wait(list(ins), counted, _IN_S)
    if any(one.heard() for one in shots.values()):
        message = "a datagram from a peer came through the rules"
        raise Refused(message)
    resets = [
        one
        for number, one in shots.items()
        if one.must_be_told and one.sent and number not in unmet
    ]
    if not processes.poll(lambda: all(one.answered() for one in resets), timeout_s=_ANSWER_S):
        silent = next(one for one in resets if not one.answered())
        message = f"a packet to or from {silent.where} was met, but its sender was not told"
        raise Refused(message)
    return _words(shots, len(resets), unmet)


def _wait(numbers: Sequence[int], counted: Callable[[], list[int]], timeout_s: float) -> list[int]:
    """Those of the lines that no packet has met when the time is up."""
    deadline = time.monotonic() + timeout_s
    while unmet := [number for number in numbers if counted()[number] == 0]:
        if time.monotonic() >= deadline:
            break
    return list(unmet)


def _words(shots: dict[int, Shot], resets: int, unmet: Sequence[int]) -> list[str]:
    words = []
    outs = [one for one in shots.values() if not one.line.inwards and one.sent]
    datagrams = [one for one in outs if one.line.protocol == "udp"]
    if datagrams:
        told = all(one.refused for one in datagrams)  # not when another fault delays them
        words.append("datagrams out " + ("refused with EPERM" if told else "counted as dropped"))
    if len(outs) > len(datagrams):
        words.append("connects out counted")
    ins = [one for one in shots.values() if one.line.inwards]
    if ins:
        met = all(one.sent for one in ins) and not unmet
        fate = "counted" if resets else "counted as dropped"
        words.append("packets in " + (fate if met else "did not arrive"))
    if resets:
        words.append(f"{resets} connects were refused at once")
    return words


def _peer_of(rule: Params, params: Params) -> tuple[End | None, str]:
    """Who can send to the instance so that the rule is met, and our address there."""
    if rule["peer"] == "any":
        witness = params.get("witness") or {}
        pid, address, local = (witness.get(key) for key in ("pid", "address", "local"))
    else:
        pid, address, local = rule.get("peer_pid"), rule["peer"], rule.get("local")
    if not pid or not local:
        return None, ""
    return End(pid=pid, address=str(address)), str(local)


def _socket(pid: int, kind: int, source: str) -> socket.socket:
    return End(pid=pid, address=source).socket(kind)


def _error_of(one: socket.socket) -> int:
    """What the network has told a socket; reading a datagram socket is how it is asked."""
    failure = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return int(failure)
