"""Where a prober in a pod takes its orders: at a socket in its own folder, each carried out once.

Whoever orders is on another machine and may lose the way at any moment. An order that comes again is
not carried out again: its number tells, and its reply is kept until the next order. When nobody has
been there for a while, the run is gone, and the prober ends.
"""

import json
import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import Any

from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.sampler import Sampler
from chaoskit.run.prober.session import Session
from chaoskit.run.prober.timer import Timer

FOLDER = "CHAOSKIT_PROBER_FOLDER"  # environment: where socket and samples are
SOCKET = "orders"

_READ_BYTES = 65536
_ALONE_NS = 120_000_000_000


def samples_file(folder: Path, number: int) -> Path:
    """Where the samples go that the order of this number begins."""
    return folder / f"{number}.bin"


class Desk:
    """Takes callers, gives their orders to the session, and remembers the newest reply."""

    def __init__(self, folder: Path, hub: Hub, sampler: Sampler) -> None:
        """Raises OSError when the folder takes no socket."""
        self._folder = folder
        self._hub = hub
        self._sampler = sampler
        self._session = Session(hub, sampler, self._replied)
        self._number = 0
        self._reply: Mapping[str, Any] | None = None
        self._callers = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with suppress(FileNotFoundError):
            (folder / SOCKET).unlink()
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen()
        hub.watch(self._listener.fileno(), select.EPOLLIN, self)
        self._alone = Timer()
        hub.watch(self._alone.fd, select.EPOLLIN, _Alone(self))
        self.wait()

    def ready(self, _mask: int) -> None:
        """Somebody called."""
        with suppress(BlockingIOError):
            caller, _ = self._listener.accept()
            self._callers += 1
            self._hub.watch(caller.fileno(), select.EPOLLIN, _Caller(self, caller, self._hub))

    def take(self, number: int, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Carry an order out unless that was done; its reply, or None while there is none."""
        if number != self._number:
            self._number, self._reply = number, None
            if order["do"] == "begin":
                order = {**order, "samples_path": str(self._new_file(number))}
            self._session.obey(order)
        return self._reply

    def left(self) -> None:
        """A caller is gone."""
        self._callers -= 1
        self.wait()

    def wait(self) -> None:
        """Wait for callers from now on, and end when none comes."""
        self._alone.arm(monotonic_ns() + _ALONE_NS)

    def look_around(self) -> None:
        """The time is over: end, unless somebody is here."""
        if self._callers:
            self.wait()
        else:
            self._sampler.stop()

    def _replied(self, message: Mapping[str, Any]) -> None:
        self._reply = message

    def _new_file(self, number: int) -> Path:
        for old in self._folder.glob("*.bin"):
            old.unlink()  # all of it was fetched before anything new is ordered
        return samples_file(self._folder, number)


class _Alone:
    """Told when nobody may be there any more."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ready(self, _mask: int) -> None:
        self._desk.look_around()


class _Caller:
    """One connection: an order a line, a reply a line."""

    def __init__(self, desk: Desk, connection: socket.socket, hub: Hub) -> None:
        self._desk = desk
        self._connection = connection
        self._hub = hub
        self._heard = b""

    def ready(self, _mask: int) -> None:
        try:
            data = self._connection.recv(_READ_BYTES)
        except OSError:
            data = b""
        *lines, self._heard = (self._heard + data).split(b"\n")
        try:
            for line in lines:
                said = json.loads(line)
                reply = self._desk.take(said["number"], said["order"])
                self._connection.sendall(json.dumps({"reply": reply}).encode() + b"\n")
        except OSError:
            data = b""  # it went before it had its answer, and will ask again
        if not data:
            self._hub.forget(self._connection.fileno())
            self._connection.close()
            self._desk.left()
