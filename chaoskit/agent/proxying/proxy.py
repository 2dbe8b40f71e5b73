"""The proxy as a whole: it accepts what was redirected to it, and knows all its connections."""

import errno
import select
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chaoskit.agent.proxying import sockets
from chaoskit.agent.proxying.canned import Canned
from chaoskit.agent.proxying.flow import Pipes
from chaoskit.agent.proxying.http_effects import Effect, Filter, filter_of
from chaoskit.agent.proxying.http_talk import HttpTalk
from chaoskit.agent.proxying.loop import Loop
from chaoskit.agent.proxying.pair import Pair, Raw

_AT_ONCE = 64  # connections accepted in one turn
_BREATH_S = 0.02  # before another try, when there are no more descriptors
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the proxy does to connections; with neither field it only passes them on."""

    effect: Effect | None = None  # on HTTP requests
    filter: Filter | None = None
    close_delay_s: float | None = 0.0  # how long an end is held back; None: until the fault is off


def work_of(config: Mapping[str, Any], seed: str) -> Work:
    """What the configuration of a fault asks for."""
    if "effect" in config:
        effect = Effect(**config["effect"])
        return Work(effect=effect, filter=filter_of(config.get("filter") or {}, seed))
    return Work(close_delay_s=config.get("close_delay_s", 0.0))


class Proxy:
    """Listens in the network namespace that it was started in."""

    def __init__(
        self, loop: Loop, work: Work, *, mark: int = 0, probe: Work | None = None, host: str = ""
    ) -> None:
        """`probe` is what is done to the agent's own connections to the canned service.

        Raises OSError when it cannot listen.
        """
        self.counts: Counter[str] = Counter()
        self.probe_counts: Counter[str] = Counter()
        self.probe = probe
        self._loop = loop
        self._work = work
        self._mark = mark
        self._pipes = Pipes()
        self._pairs: set[Pair] = set()
        self.destination: Callable[[socket.socket], sockets.Address | None] = (
            sockets.original_destination
        )
        self._ear = sockets.listen(mark, host)
        self.port: int = self._ear.getsockname()[1]
        self.canned = Canned(loop)
        loop.watch(self._ear.fileno(), self._accept, select.EPOLLIN | select.EPOLLET)

    def close(self) -> None:
        """Accept no more."""
        if self._ear.fileno() >= 0:
            self._loop.forget(self._ear.fileno())
            self._ear.close()
        self.canned.close()

    def facts(self) -> dict[str, Any]:
        """What has happened so far, as plain numbers."""
        facts: dict[str, Any] = {**self.counts, "open": len(self._pairs)}
        if self._work.filter is not None:
            facts |= {"matched": self._work.filter.matched, "hits": self._work.filter.hits}
        if self.probe is not None and self.probe.filter is not None:
            facts |= {"probe_hits": self.probe.filter.hits}
        return facts

    def probe_with(self, *, share: float, delay_s: float) -> None:
        """From now on the agent's own requests are hit with that share, and delayed that long."""
        assert self.probe is not None
        if self.probe.effect is not None and self.probe.filter is not None:
            self.probe.filter.share = share
            effect = replace(self.probe.effect, delay_s=delay_s)
            self.probe = replace(self.probe, effect=effect)
        else:
            self.probe = replace(self.probe, close_delay_s=delay_s)

    def close_idle(self) -> int:
        """Close what nothing is under way on, and hold no end back; how many are left."""
        for pair in list(self._pairs):
            pair.let_go()
            if pair.connected and not pair.closed and pair.carrier.idle():
                pair.close()
        return len(self._pairs)

    def reset_all(self) -> int:
        """Reset what is left; how many there were."""
        left = list(self._pairs)
        for pair in left:
            pair.reset()
        return len(left)

    def _accept(self, _events: int) -> None:
        for _ in range(_AT_ONCE):
            try:
                client, _ = self._ear.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _FULL:
                    self._loop.later(_BREATH_S, lambda: self._accept(0))
                    return
                continue  # that one went away while it waited
            self._take(client)
        self._loop.again(lambda: self._accept(0))

    def _take(self, client: socket.socket) -> None:
        client.setblocking(False)
        destination = self.destination(client)
        if destination is None or destination == ("127.0.0.1", self.port):
            sockets.reset(client)  # it was not redirected: passing it on would go round for ever
            return
        canned = destination == self.canned.address and self.probe is not None
        counts = self.probe_counts if canned else self.counts
        counts["connections"] += 1
        try:
            sockets.tune(client)
            service = sockets.dial(destination, self._mark)
        except OSError:
            counts["unreachable"] += 1
            sockets.reset(client)
            return
        self._begin(client, service, counts, canned=canned)

    def _begin(
        self, client: socket.socket, service: socket.socket, counts: Counter[str], *, canned: bool
    ) -> None:
        work = self.probe if canned else self._work
        assert work is not None

        def ended(pair: Pair, broken: bool) -> None:
            self._pairs.discard(pair)
            counts["reset"] += broken
            counts["unreachable"] += not pair.connected

        pair = Pair(self._loop, client, service, ended)
        pair.close_delay_s = work.close_delay_s
        pair.on_held = lambda: counts.update(held=1)
        self._pairs.add(pair)
        if work.effect is None or work.filter is None:
            pair.begin(Raw(pair.client, pair.service, self._pipes))
            return
        talk = HttpTalk(
            (pair.client, pair.service),
            loop=self._loop,
            pipes=self._pipes,
            filter_=work.filter,
            effect=work.effect,
            counts=counts,
            wake=pair.again,
        )
        pair.begin(talk)
