"""Writes at a fixed rate, whatever became of those before: one thread each while one is under way.

A hung target holds its writes until they time out; meanwhile the next ones go out on other
connections. The one that was idle last is used next, so a peaceful target sees one connection.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from chaoskit.ledgers.base import Client, LedgerKind, ReadFailed, Run, numbers_in, text_of
from chaoskit.model.ledger import Read
from chaoskit.model.marks import NS
from chaoskit.run.clock import now_ns
from chaoskit.run.writer.book import Book

_SLACK_S = 2.0  # connecting may take longer than an answer
_LEAST_HANDS = 4
_MOST_HANDS = 400


class Rounds:
    """Writes value after value until told to stop. `failed` is told when a thread of ours dies."""

    def __init__(
        self, ledger: LedgerKind, run: Run, book: Book, failed: Callable[[BaseException], None]
    ) -> None:
        self._ledger = ledger
        self._run = run
        self._book = book
        self._failed = failed
        self._over = threading.Event()
        self._idle: queue.LifoQueue[_Hand] = queue.LifoQueue()
        self._hands: list[_Hand] = []
        self._threads: list[threading.Thread] = []

    def start(self, rate_hz: float, read_every_s: float | None) -> None:
        """Begin now."""
        wanted = round(rate_hz * (self._run.timeout_s + _SLACK_S))
        for _ in range(min(max(wanted, _LEAST_HANDS), _MOST_HANDS)):
            hand = _Hand(self._ledger.open(self._run), self)
            self._hands.append(hand)
            self._idle.put(hand)
        self._begin(lambda: self._keep_writing(rate_hz), "rounds")
        if read_every_s is not None:
            self._begin(lambda: self._keep_reading(read_every_s), "reads")

    def stop(self) -> None:
        """Write no more, and wait for the answers that may still come."""
        self._over.set()
        limit_ns = now_ns() + round((self._run.timeout_s + _SLACK_S) * NS)
        for one in self._threads:
            one.join(max(0.0, (limit_ns - now_ns()) / NS))
        for hand in self._hands:
            hand.dismiss()
        for hand in self._hands:
            hand.join(max(0.0, (limit_ns - now_ns()) / NS))

    def write(self, client: Client, value: int) -> None:
        """One write, written down before and after. On a hand's thread."""
        self._book.attempt(value, now_ns())
        answer = client.write(text_of(self._run.token, value))
        self._book.answer(value, now_ns(), answer)

    def free(self, hand: "_Hand") -> None:
        """A hand has nothing to do."""
        self._idle.put(hand)

    def begin(self, work: Callable[[], None], name: str) -> threading.Thread:
        """A thread whose death is told."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # told; nobody joins to hear of it
                self._failed(error)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _begin(self, work: Callable[[], None], name: str) -> None:
        self._threads.append(self.begin(work, name))

    def _keep_writing(self, rate_hz: float) -> None:
        begun_ns, value = now_ns(), 0
        while not self._over.is_set():
            due_ns = begun_ns + round(value * NS / rate_hz)
            if self._over.wait(max(0.0, (due_ns - now_ns()) / NS)):
                return
            try:
                self._idle.get_nowait().give(value)
            except queue.Empty:
                self._book.skip(now_ns())
            value += 1

    def _keep_reading(self, every_s: float) -> None:
        client = self._ledger.open(self._run)
        while not self._over.wait(every_s):
            with suppress(ReadFailed):  # an outage; what is read says it all
                self._book.read(read_all(client, self._run), final=False)
        client.close()


class _Hand:
    """One thread with one connection."""

    def __init__(self, client: Client, rounds: Rounds) -> None:
        self._client = client
        self._rounds = rounds
        self._given: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def give(self, value: int) -> None:
        """Write this value. Most hands are never needed, so the thread begins with the first."""
        self._given.put(value)
        if self._thread is None:
            self._thread = self._rounds.begin(self._work, "hand")

    def dismiss(self) -> None:
        """Nothing more will come."""
        self._given.put(None)

    def join(self, patience_s: float) -> None:
        """Wait for its last answer."""
        if self._thread is not None:
            self._thread.join(patience_s)

    def _work(self) -> None:
        while (value := self._given.get()) is not None:
            self._rounds.write(self._client, value)
            self._rounds.free(self)
        self._client.close()


def read_all(client: Client, run: Run) -> Read:
    """Everything of the trial that is there now. Raises ReadFailed."""
    begun_ns = now_ns()
    values = tuple(numbers_in(run.token, client.read()))
    return Read(begun_ns=begun_ns, done_ns=now_ns(), values=values)
