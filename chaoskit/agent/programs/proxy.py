"""The transparent proxy as a process: one for each fault of an instance, in its network namespace.

Configuration: `mark` (of its own sockets), `seed`, and either `effect` and `filter` (on HTTP) or
`close_delay_s` (on any TCP). Orders: `facts`, `probe` (share, delay_s), `proven` (the canned service
is not needed any more) and `end` (finish what is under way, then leave).
"""

import contextlib
import gc
import json
import os
import resource
import select
import signal
import time
from dataclasses import replace
from typing import Any

from chaoskit.agent.programs import talk
from chaoskit.agent.proxying.canned import KEPT
from chaoskit.agent.proxying.loop import Loop
from chaoskit.agent.proxying.proxy import Proxy, Work, work_of

_FINISH_S = 0.3  # for exchanges that are under way when the fault is lifted
_LOOK_S = 0.005


class Program:
    """The loop, the proxy in it, and the agent at the other end of the pipe."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Raises OSError when it cannot listen."""
        self.loop = Loop()
        seed = str(config.get("seed", ""))
        self.proxy = Proxy(
            self.loop,
            work_of(config, seed),
            mark=int(config.get("mark", 0)),
            probe=_probe_of(config, seed),
        )
        self._inbox = b""
        self.loop.watch(talk.ORDERS, self._order, select.EPOLLIN | select.EPOLLRDHUP)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.loop.stop())

    def _order(self, _events: int) -> None:
        data = os.read(talk.ORDERS, 1 << 16)
        if not data:
            self.loop.stop()
            return
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        match order.get("do"):
            case "facts":
                talk.tell(self.proxy.facts())
            case "probe":
                self.proxy.probe_with(share=order["share"], delay_s=order["delay_s"])
                talk.tell({})
            case "proven":
                self.proxy.canned.close()
                talk.tell({})
            case "end":
                self._end()
            case other:
                talk.tell({"error": f"the proxy knows no order {other!r}"})

    def _end(self) -> None:
        """Finish what is under way, as far as there is time; reset the rest, tell, and leave."""
        self.proxy.close()
        total = self.proxy.facts()["open"]
        until = time.monotonic() + _FINISH_S

        def look() -> None:
            if self.proxy.close_idle() and time.monotonic() < until:
                self.loop.later(_LOOK_S, look)
                return
            cut = self.proxy.reset_all()
            talk.tell({"closed": total - cut, "reset": cut})
            self.loop.stop()

        # Not at once: what epoll has told of in this turn must be heard first.
        self.loop.again(look)


def _probe_of(config: dict[str, Any], seed: str) -> Work:
    """What is done to the agent's own requests, whose answer is short."""
    work = work_of(config, seed + "/probe")
    if work.filter is not None:
        work.filter.first = None
    if work.effect is None or work.effect.keep_bytes <= KEPT:
        return work
    return replace(work, effect=replace(work.effect, keep_bytes=KEPT))


def allow_many_connections() -> None:
    """As many descriptors as we may have: each connection takes two, and up to four for pipes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Serve until the agent says otherwise, or is gone."""
    allow_many_connections()
    try:
        program = Program(talk.read_config())
    except OSError as error:
        talk.fail(f"the proxy cannot listen in the instance's network: {error.strerror}")
        return
    gc.freeze()
    talk.tell({"port": program.proxy.port, "canned": program.proxy.canned.address[1]})
    program.loop.run()


if __name__ == "__main__":
    main()
