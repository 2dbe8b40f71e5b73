"""The prober's process: orders on standard input, replies on standard output, a JSON line each.

It ends when its input does: whoever started it is gone then.
"""

import fcntl
import json
import os
import select
import signal
import sys
from typing import Any

from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.limits import raise_descriptor_limit
from chaoskit.run.prober.sampler import Sampler
from chaoskit.run.prober.session import Session

_READ_BYTES = 65536


class Orders:
    """Standard input, a line at a time, without ever waiting for it."""

    def __init__(self, session: Session, sampler: Sampler) -> None:
        self._session = session
        self._sampler = sampler
        self._heard = b""
        flags = fcntl.fcntl(0, fcntl.F_GETFL)
        fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_NONBLOCK)

    def ready(self, _mask: int) -> None:
        """Something was said, or whoever spoke is gone."""
        try:
            data = os.read(0, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._sampler.stop()
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self._session.obey(json.loads(line))


def main() -> None:
    """Sample until told to quit, or until nobody is there to tell."""
    # Ctrl-C is for the supervisor, which then ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    hub = Hub()
    sampler = Sampler(hub)
    session = Session(hub, sampler, _reply)
    try:
        hub.watch(0, select.EPOLLIN, Orders(session, sampler))
    except PermissionError:
        sys.exit("the prober takes its orders from a pipe: chaoskit run starts it")
    _reply({"ready": os.getpid()})
    sampler.run()


def _reply(message: dict[str, Any]) -> None:
    try:
        os.write(1, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
