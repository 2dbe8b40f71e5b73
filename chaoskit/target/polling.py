"""Endpoints that are asked again and again: those that bear witness, and those that count."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.model.target import Healer
from chaoskit.target.asking import Asker
from chaoskit.target.entrypoints import resolve

_SHORTEST_ASK_S = 0.25
_LONGEST_ASK_S = 1.0
_LONGEST_DETAIL = 300


@dataclass(frozen=True, kw_only=True)
class Polled:
    """One answer, or none, and what is known about its time."""

    body: str | None  # None: no good answer
    asked_ns: int
    at_ns: int  # when it was complete
    resolution_ns: int  # what it says was already so at most this long before
    silent_ns: int  # since the last good answer, 0 when this one is good


class Poller(threading.Thread):
    """Asks one URL at a fixed period, late never early, and hands every outcome on."""

    def __init__(
        self,
        url: str,
        period_s: float,
        *,
        now_ns: Callable[[], int],
        hear: Callable[[Polled], None],
    ) -> None:
        super().__init__(name=f"poll-{url}", daemon=True)
        self._asker = Asker(url, timeout_s=min(max(2 * period_s, _SHORTEST_ASK_S), _LONGEST_ASK_S))
        self._period_ns = round(period_s * NS)
        self._now_ns = now_ns
        self._hear = hear
        self._stopping = threading.Event()

    def run(self) -> None:
        """Until `close`."""
        due_ns = good_ns = sent_before_ns = self._now_ns()
        while not self._stopping.is_set():
            sent_ns = self._now_ns()
            answer = self._asker.ask()
            at_ns = self._now_ns()
            if self._stopping.is_set():
                return  # it was broken off by us
            good = answer is not None and answer.ok
            self._hear(
                Polled(
                    body=answer.body if answer is not None and good else None,
                    asked_ns=sent_ns,
                    at_ns=at_ns,
                    resolution_ns=max(at_ns - sent_before_ns, self._period_ns),
                    silent_ns=0 if good else at_ns - good_ns,
                )
            )
            if good:
                good_ns, sent_before_ns = at_ns, sent_ns
            due_ns = max(due_ns + self._period_ns, at_ns)
            self._stopping.wait((due_ns - at_ns) / NS)

    def close(self) -> None:
        """End; the thread follows."""
        self._stopping.set()
        self._asker.close()


def pollers(
    asked: Iterable[tuple[str, float, Callable[[Polled], None]]],
    entrypoints: Mapping[str, str],
    now_ns: Callable[[], int],
) -> Iterator[Poller]:
    """One poller for each URL, at the shortest period that anyone asks for."""
    periods: dict[str, float] = {}
    ears: dict[str, list[Callable[[Polled], None]]] = {}
    for url, period_s, hear in asked:
        address = resolve(url, entrypoints)
        periods[address] = min(period_s, periods.get(address, period_s))
        ears.setdefault(address, []).append(hear)
    for address, period_s in periods.items():
        yield Poller(address, period_s, now_ns=now_ns, hear=_everyone(ears[address]))


def _everyone(ears: list[Callable[[Polled], None]]) -> Callable[[Polled], None]:
    def hear(polled: Polled) -> None:
        for one in ears:
            one(polled)

    return hear


@dataclass
class Edges:
    """Marks when a healer's patterns begin to match an endpoint's answer."""

    healer: Healer
    _matched: dict[MarkKind, bool] = field(default_factory=dict)

    def marks(self, polled: Polled) -> Iterator[Mark]:
        """The marks of one answer. The first answer only tells what is so already."""
        witness = self.healer.http
        if witness is None or polled.body is None:
            return
        for kind, pattern in (
            (MarkKind.DETECTED, witness.detected),
            (MarkKind.ACTED, witness.acted),
            (MarkKind.RESTORED, witness.restored),
        ):
            if not pattern:
                continue
            match = re.search(pattern, polled.body, re.MULTILINE)
            before = self._matched.get(kind)
            self._matched[kind] = match is not None
            if match is not None and before is False:
                yield Mark(
                    at_ns=polled.at_ns,
                    kind=kind,
                    source=self.healer.name,
                    detail=match[0][:_LONGEST_DETAIL],
                    resolution_ns=polled.resolution_ns,
                    data={"witness": "http", "url": witness.url},
                )
