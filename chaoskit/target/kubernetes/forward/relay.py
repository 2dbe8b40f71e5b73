"""One connection of a user: carried to a pod and back, and judged when nothing came of it.

    nothing came of it, because ...             the ask counts as
    no pod is ready, says the server            what it is: an outage
    the pod's port refused, or hung up          what it is, unless that pod was being taken away
    the tunnel broke, or was silent or slow     UNKNOWN: a gap
    the server does not say which pods there are    UNKNOWN: a gap

A gap covers the time of the whole ask, so that it takes the ask with it and little else.
"""

import contextlib
import select
import socket
from dataclasses import dataclass, field

from chaoskit.target.kubernetes.api import ApiAway, ApiError
from chaoskit.target.kubernetes.forward.backends import Backend, Backends
from chaoskit.target.kubernetes.forward.gaps import Gaps
from chaoskit.target.kubernetes.forward.tunnel import DEAD_S, Dial, Tunnel, TunnelBroken, What
from chaoskit.target.kubernetes.now import now_ns

_SPOILT = 2  # times the patience: a round trip that takes longer spoils an answer, too
_OPENING = 4  # times the patience: round trips until a tunnel is open
_DEAD_NS = int(DEAD_S * 1e9)
_CLIENT_S = 10.0  # a user who does not take an answer for so long is given up
_READ_BYTES = 65536
_LOOK_S = 0.1
_QUIET_NS = 250_000_000  # after which who waits for an answer asks for a sign of life again
_RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: closing sends a reset
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


@dataclass(frozen=True, kw_only=True)
class Way:
    """What all connections of one entrypoint have in common."""

    dial: Dial
    backends: Backends
    gaps: Gaps
    patience_ns: int  # a round trip that takes longer is why an ask was not answered in time


@dataclass
class Relay:
    """One connection; run by a thread of its own."""

    client: socket.socket
    way: Way
    queued_ns: int  # it may have waited for us since then
    _begun_ns: int = field(default_factory=now_ns, init=False)
    _heard_ns: int = field(default_factory=now_ns, init=False)
    _unheard_ns: int = field(default=0, init=False)  # since when a ping is without an answer
    _waiting: bool = field(default=True, init=False)  # the user, for an answer
    _slow_ns: int = field(default=0, init=False)  # since when, with this ask under way
    _left: bool = field(default=False, init=False)  # the user, without one

    def run(self) -> None:
        """Carry it to its end."""
        with self.client:
            try:
                self._run()
            except BaseException:
                self._tell_gap(self.queued_ns, "a defect of the forwarder")
                raise

    def _run(self) -> None:
        self.client.settimeout(_CLIENT_S)
        backend = self.way.backends.next()
        if backend is None:
            self._failed("the API server does not say which pods are ready", self._begun_ns)
            return
        try:
            tunnel = self.way.dial.open(backend)
        except TunnelBroken as error:
            self._failed(str(error), self._begun_ns)
            return
        with contextlib.closing(tunnel):
            self._opened(tunnel, backend)

    def _opened(self, tunnel: Tunnel, backend: Backend) -> None:
        self._heard_ns = opened_ns = now_ns()
        if _hung_up(self.client):
            # It may have left before we even took it up, so the gap begins when it can have come.
            self._tell_gap(self.queued_ns, "an ask was over before the tunnel was open")
            return
        if opened_ns - self._begun_ns > self.way.patience_ns:
            self._slow_ns = self._begun_ns  # it may be why the user goes away without an answer
        if opened_ns - self._begun_ns > _OPENING * self.way.patience_ns:
            self._tell_gap(self._begun_ns, "the tunnel was slow to open")
        try:
            refused = self._carry(tunnel)
        except TunnelBroken as error:
            self._failed(str(error), self._unproven_ns)
        else:
            if refused:
                self._failed(refused, self._begun_ns, backend)
            else:
                self.way.gaps.carried()

    def _carry(self, tunnel: Tunnel) -> str:
        """Bytes in both directions until one side ends; how the pod refused, if it did.

        Raises TunnelBroken.
        """
        sides: list[Tunnel | socket.socket] = [tunnel, self.client]
        ended: str | None = None
        while ended is None:
            self._want_a_sign(tunnel)
            wanted = sides[:1] if self._left else sides
            ready = sides[:1] if tunnel.pending else select.select(wanted, (), (), _LOOK_S)[0]
            if tunnel in ready:
                ended = self._take(*tunnel.receive())
            if ended is None and self.client in ready and not self._pass_on(tunnel):
                ended = ""
        return ended

    def _take(self, what: What, data: bytes) -> str | None:
        """Hand over what came; None to go on, else how the pod refused, or nothing."""
        if what in {What.REFUSED, What.ENDED}:
            return _words(what, data) if self._waiting and not self._left else ""
        if what is What.PONG:
            self._note_sign()
            if self._left and self._slow_ns:
                self._tell_gap(self._slow_ns, "the tunnel was slow, and an ask was given up")
            return "" if self._left else None  # in a sound tunnel, it was the service's silence
        if what is What.DATA and data and not self._left:
            self._note_sign()
            self._waiting = False
            try:
                self.client.sendall(data)
            except OSError:
                return ""  # the user left before the end
        return None

    def _pass_on(self, tunnel: Tunnel) -> bool:
        """Pass on what the user says; whether there is anything left to find out."""
        try:
            data = self.client.recv(_READ_BYTES)
        except OSError:
            data = b""
        if data:
            self._slow_ns = self._slow_ns if self._waiting else 0
            self._waiting = True
            tunnel.send(data)
            if not self._unheard_ns:
                self._ping(tunnel)
        elif self._waiting:
            self._left = True  # was it the service that was silent, or the tunnel?
            self._ping(tunnel)
        return bool(data) or self._left

    def _ping(self, tunnel: Tunnel) -> None:
        tunnel.ping()
        self._unheard_ns = self._unheard_ns or now_ns()

    def _want_a_sign(self, tunnel: Tunnel) -> None:
        """Who waits for an answer waits for a sign of life as well. Raises TunnelBroken."""
        now = now_ns()
        if self._unheard_ns and now - self._unheard_ns > _DEAD_NS:
            message = f"the tunnel was silent for {DEAD_S:g} s"
            raise TunnelBroken(message)
        if self._waiting and not self._unheard_ns and now - self._heard_ns > _QUIET_NS:
            self._ping(tunnel)

    def _note_sign(self) -> None:
        now = now_ns()
        if self._unheard_ns and now - self._unheard_ns > self.way.patience_ns:
            self._slow_ns = self._slow_ns or self._unproven_ns
        if self._unheard_ns and now - self._unheard_ns > _SPOILT * self.way.patience_ns:
            self._tell_gap(self._unproven_ns, "the tunnel was slow")
        self._unheard_ns, self._heard_ns = 0, now

    @property
    def _unproven_ns(self) -> int:
        """Since when the tunnel may have been broken; a user who left had waited before that."""
        return self._heard_ns if self._left else self._unheard_ns or now_ns()

    def _failed(self, why: str, since_ns: int, refused_by: Backend | None = None) -> None:
        """Nothing came of it: whose fault was that?"""
        until_ns = now_ns()
        with contextlib.suppress(OSError):
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.client.close()
        try:
            told = self.way.backends.none_ready() or (
                refused_by is not None and not self.way.backends.leaving(refused_by)
            )
        except (ApiError, ApiAway) as error:
            told, why = False, str(error)
        if told:
            self.way.gaps.carried()
        else:
            self.way.gaps.broken(since_ns, until_ns, why)

    def _tell_gap(self, since_ns: int, why: str) -> None:
        self.way.gaps.broken(since_ns, now_ns(), why)


def _hung_up(client: socket.socket) -> bool:
    """Whether the user has left, even if something that was said before is not read yet."""
    look = select.poll()
    look.register(client, _GONE)
    return bool(look.poll(0))


def _words(what: What, data: bytes) -> str:
    if what is What.ENDED:
        return "the pod hung up without an answer"
    return f"the pod refused: {data.decode(errors='replace').strip()[:200]}"
