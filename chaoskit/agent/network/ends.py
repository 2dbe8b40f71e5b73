"""Sockets at the two ends of a measured path: in the instance's network and in its witness's.

A fault may be limited to one port. Then one end is bound to that port, whichever of the two has it
free, so that the packets are met by the fault's rules and no service of anybody's ever sees them:
a rule matches the port on either side. Only where both ends serve on it is the service called.
"""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Params, Refused

_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of the path: a process in its network, and its address there."""

    pid: int
    address: str

    def socket(self, kind: int, port: int = 0) -> socket.socket:
        """A non-blocking IPv4 socket in that network, bound to the address. Raises OSError."""
        with processes.network_of(self.pid):
            one = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        try:
            if kind == socket.SOCK_STREAM:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((self.address, port))
        except BaseException:
            one.close()
            raise
        return one


@dataclass(frozen=True, kw_only=True)
class Call:
    """A connection to be tried: who calls, and what address answers (or refuses)."""

    caller: socket.socket
    target: tuple[str, int]


def both_ends(params: Params) -> tuple[End, End]:
    """The instance and its witness. Raises Refused when there is none to measure with."""
    witness = params.get("witness")
    if not witness:
        message = "no other running instance shares a network with it, so nothing can be measured"
        raise Refused(message)
    ours = End(pid=params["pid"], address=witness["local"])
    return ours, End(pid=witness["pid"], address=witness["address"])


@contextmanager
def datagram_pair(
    params: Params, port: int | None
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A UDP socket of the instance and one of its witness; one of them has the port, if any.

    Raises Refused when the port is in use at both ends.
    """
    ours, theirs = both_ends(params)
    with ExitStack() as stack:
        near, far = _pair(ours, theirs, socket.SOCK_DGRAM, port)
        stack.enter_context(near)
        stack.enter_context(far)
        for one in (near, far):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        yield near, far


@contextmanager
def stream_pair(params: Params, port: int | None) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP socket of each end: the first to call with, the second bound, for listening.

    Raises Refused when the port is in use at both ends.
    """
    ours, theirs = both_ends(params)
    with ExitStack() as stack:
        near, far = _pair(ours, theirs, socket.SOCK_STREAM, port)
        stack.enter_context(near)
        stack.enter_context(far)
        yield near, far


@contextmanager
def calls(params: Params, count: int, port: int | None) -> Iterator[list[Call]]:
    """Connections to be tried between the two; their targets refuse, because nobody listens there.

    The targets are ports that we hold without listening. Where both ends serve on the port itself,
    the witness's service is called. Raises Refused for a port that cannot be used.
    """
    ours, theirs = both_ends(params)
    with ExitStack() as stack:
        caller, callee, source = _caller(ours, theirs, port)
        if port is not None and not source:
            ports = [port]
        else:
            wanted = count if source else 1  # from one port, each connection needs another target
            held = [stack.enter_context(callee.socket(socket.SOCK_STREAM)) for _ in range(wanted)]
            ports = [one.getsockname()[1] for one in held]
        found = []
        for number in range(count):
            one = stack.enter_context(caller.socket(socket.SOCK_STREAM, source))
            found.append(Call(caller=one, target=(callee.address, ports[number % len(ports)])))
        yield found


def heard(one: socket.socket) -> list[tuple[bytes, Any]]:
    """Everything that waits to be read."""
    found = []
    while True:
        try:
            found.append(one.recvfrom(2048))
        except BlockingIOError:
            return found
        except OSError:
            continue  # an ICMP answer of somebody's


def let_go(one: socket.socket, text: bytes, where: Any) -> None:
    """Send; what the network refuses counts as lost."""
    try:
        one.sendto(text, where)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EAGAIN, errno.ENOBUFS, errno.ECONNREFUSED}:
            raise


def _caller(ours: End, theirs: End, port: int | None) -> tuple[End, End, int]:
    """Who calls whom, and from which port (0: any)."""
    if port is None:
        return ours, theirs, 0
    for caller, callee in ((ours, theirs), (theirs, ours)):
        try:
            caller.socket(socket.SOCK_STREAM, port).close()
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        return caller, callee, port
    return ours, theirs, 0


def _pair(
    ours: End, theirs: End, kind: int, port: int | None
) -> tuple[socket.socket, socket.socket]:
    """One socket of each; the port, if any, is given to whichever end has it free."""
    for near_port, far_port in ((port or 0, 0), (0, port or 0)):
        near = far = None
        try:
            near = ours.socket(kind, near_port)
            far = theirs.socket(kind, far_port)
        except OSError as error:
            if near is not None:
                near.close()
            if error.errno not in _TAKEN:
                message = f"the path to the witness cannot be used: {error.strerror}"
                raise Refused(message) from error
            continue
        return near, far
    message = f"port {port} is in use at both ends, so nothing can be measured on it"
    raise Refused(message)
