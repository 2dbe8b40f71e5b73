"""A limit of connections, held to account: ours are let in up to it, and the next one is not.

They are closed with a reset, so that the kernel's count is free again at once. Where somebody
listens on the port, the service itself is called; else we listen there ourselves.
"""

import errno
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from chaoskit.agent.kind import Params, Refused
from chaoskit.agent.network.ends import End
from chaoskit.agent.network.firewall_rules import Line

_MOST = 100  # connections that are opened for a proof
_PATIENCE_S = 0.25  # for one connect; a SYN that is lost is sent again after a second


def prove(params: Params, lines: Sequence[Line]) -> list[str]:
    """What was seen, in words. Raises Refused when one connection too many was let in, OSError."""
    return [_try(params, line) for line in lines if "limit" in line.rule]


def _try(params: Params, line: Line) -> str:
    rule, limit = line.rule, int(line.rule["limit"])
    where = f"port {rule['ports'][0]}" if rule["ports"] else "every port"
    if limit > _MOST:
        return f"limit {limit} for {where} is listed; above {_MOST} it is not tried out"
    caller, callee = _ends(params, rule)
    if caller is None or callee is None:
        message = "no other running instance shares a network with it, so no limit can be tried out"
        raise Refused(message)
    with _listening(callee, rule["ports"]) as target:
        opened, answer = _open(caller, target, limit + 1)
    if opened > limit:
        message = f"{opened} connections to {where} were let in, with a limit of {limit}"
        raise Refused(message)
    expected = "refused" if rule.get("action") == "reset" else "unanswered"
    if answer != expected:
        message = (
            f"only {opened} connections to {where} could be opened at all, and the next was "
            f"{answer}: a limit of {limit} would not be reached"
        )
        raise Refused(message)
    return f"{opened} connections to {where} let in, the next one {answer}; the limit is {limit}"


def _ends(params: Params, rule: Params) -> tuple[End | None, End | None]:
    """Who calls and who is called, so that the rule is met."""
    witness = params.get("witness") or {}
    if rule["peer"] == "any":
        pid, peer, local = witness.get("pid"), witness.get("address"), witness.get("local")
    else:
        pid, peer, local = rule.get("peer_pid"), rule["peer"], rule.get("local")
    if not pid or not local:
        return None, None
    ours, theirs = End(pid=params["pid"], address=str(local)), End(pid=pid, address=str(peer))
    return (theirs, ours) if rule["direction"] == "in" else (ours, theirs)


@contextmanager
def _listening(callee: End, ports: Sequence[int]) -> Iterator[tuple[str, int]]:
    """An address where connections are taken: the service's, or one of our own."""
    port = int(ports[0]) if ports else 0
    try:
        ear = callee.socket(socket.SOCK_STREAM, port)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        yield callee.address, port
        return
    with ear:
        ear.listen(2 * _MOST)
        yield callee.address, ear.getsockname()[1]


def _open(caller: End, target: tuple[str, int], most: int) -> tuple[int, str]:
    """How many connections were opened one after the other, and what became of the next."""
    with ExitStack() as stack:
        for number in range(most):
            one = stack.enter_context(caller.socket(socket.SOCK_STREAM))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            answer = _connect(one, target)
            if answer != "let in":
                return number, answer
        return most, "let in"


def _connect(one: socket.socket, target: tuple[str, int]) -> str:
    failure = one.connect_ex(target)
    if failure == errno.EINPROGRESS:
        deadline = time.monotonic() + _PATIENCE_S
        _, ready, _ = select.select([], [one], [], max(0.0, deadline - time.monotonic()))
        failure = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ready else errno.EAGAIN
    if failure == 0:
        return "let in"
    return "refused" if failure == errno.ECONNREFUSED else "unanswered"
