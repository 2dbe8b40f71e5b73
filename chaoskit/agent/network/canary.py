"""A TCP connection of our own between the instance and its witness, made before a fault.

A fault of the connections that are open at its injection is shown on this one: nobody's service is
written to. It is treated like all the others, and its rules are taken out again after the proof.
"""

import errno
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from chaoskit.agent import processes
from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network.ends import End, both_ends

_PATIENCE_S = 1.0
_TOLD_S = 0.5
_DEAD = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ECONNREFUSED})


@dataclass(frozen=True, kw_only=True)
class Canary:
    """The connection's two ends, and the listening socket that it was made to."""

    near: socket.socket  # in the instance's network
    far: socket.socket
    ear: socket.socket
    caller: End

    @property
    def ends(self) -> tuple[str, int, str, int]:
        """Our address and port, then the witness's."""
        return (*self.near.getsockname(), *self.far.getsockname())

    def must_be_silent(self, met: Callable[[], bool]) -> str:
        """Neither end hears the other, while a new connection works. Raises Refused.

        `met` tells whether the rules of both directions have counted a packet.
        """
        for one in (self.near, self.far):
            one.send(b"chaoskit")
        if not processes.poll(met, timeout_s=_PATIENCE_S):
            message = "a connection of our own was not met by the rules"
            raise Refused(message)
        ready, _, _ = select.select([self.near, self.far], [], [], 0)
        if ready:
            message = "an open connection still carries data"
            raise Refused(message)
        with ExitStack() as stack:
            if _connected(self.ear, self.caller, stack) is None:
                message = "a new connection does not work either, so this is more than half open"
                raise Refused(message)
        return "an open connection of ours fell silent both ways, a new one works"

    def must_be_reset(self) -> str:
        """Both ends are told. Raises Refused."""
        if not all(_is_told(one) for one in (self.near, self.far)):
            message = "an open connection of our own was not reset at both ends"
            raise Refused(message)
        return "an open connection of ours was reset at both ends"


@contextmanager
def canary(params: Params) -> Iterator[Canary | None]:
    """A connection, when one can be made: not without a witness, or when it is cut off already."""
    if not params.get("existing") or not params.get("witness"):
        yield None
        return
    ours, caller = both_ends(params)
    with ExitStack() as stack:
        ear = stack.enter_context(ours.socket(socket.SOCK_STREAM))
        ear.listen(4)
        pair = _connected(ear, caller, stack)
        if pair is None:
            yield None
            return
        near, far = pair
        yield Canary(near=near, far=far, ear=ear, caller=caller)


def _connected(
    ear: socket.socket, caller: End, stack: ExitStack
) -> tuple[socket.socket, socket.socket] | None:
    """A new connection to the listening socket, or None when it is not made in time."""
    far = stack.enter_context(caller.socket(socket.SOCK_STREAM))
    far.connect_ex(ear.getsockname())
    ready, _, _ = select.select([ear], [], [], _PATIENCE_S)
    if not ready:
        return None
    near = stack.enter_context(ear.accept()[0])
    near.setblocking(False)
    return near, far


def _is_told(one: socket.socket) -> bool:
    """Whether the kernel says that the connection is dead; a packet may have to bring that on."""
    try:
        one.send(b"chaoskit")
        select.select([one], [], [], _TOLD_S)
        one.recv(64)
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno in _DEAD
    return False
