"""The sockets of the proxy: what it listens on, where a client meant to go, and how to get there.

Everything that is opened here carries a mark, so that the rule which sends connections to the proxy
lets the proxy's own ones pass.
"""

import contextlib
import socket
import struct

SO_MARK = 36  # include/uapi/asm-generic/socket.h; Python has no name for it
_SO_ORIGINAL_DST = 80  # include/uapi/linux/netfilter_ipv4.h
_ADDRESS = struct.Struct("!2xH4s8x")
_RESET = struct.pack("ii", 1, 0)
_BACKLOG = 4096

Address = tuple[str, int]


def listen(mark: int, host: str = "") -> socket.socket:
    """A listening socket on a free port. Raises OSError, above all without NET_ADMIN."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        set_mark(ear, mark)
        ear.bind((host, 0))
        ear.listen(_BACKLOG)
        ear.setblocking(False)
    except BaseException:
        ear.close()
        raise
    return ear


def set_mark(one: socket.socket, mark: int) -> None:
    """Mark the packets of a socket; 0 marks nothing, and needs no right to."""
    if mark:
        one.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)


def original_destination(client: socket.socket) -> Address | None:
    """Where the client connected to before it was redirected; None when it came straight to us."""
    try:
        raw = client.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, _ADDRESS.size)
        port, packed = _ADDRESS.unpack(raw)
        destination = (socket.inet_ntoa(packed), int(port))
        return None if destination == client.getsockname() else destination
    except OSError:
        return None


def dial(destination: Address, mark: int) -> socket.socket:
    """A connection that is being made. Raises OSError when it cannot even be begun."""
    out = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        set_mark(out, mark)
        tune(out)
        with contextlib.suppress(BlockingIOError):
            out.connect(destination)
    except BaseException:
        out.close()
        raise
    return out


def tune(one: socket.socket) -> None:
    """Send at once what there is, and keep urgent bytes where they are in the stream."""
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


def reset(one: socket.socket) -> None:
    """Close with a RST."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    one.close()
