"""Reading back: again and again until nothing is missing, or what is missing is missing for good.

One look is not enough: a replica may lag, a worker may still hold a job, a restarted server may load
its file. What was seen last is what counts.
"""

from collections import Counter
from dataclasses import dataclass

from chaoskit.ledgers.base import LedgerKind, ReadFailed, Run
from chaoskit.model.ledger import Discipline, Read
from chaoskit.model.marks import NS
from chaoskit.run.clock import now_ns, pause
from chaoskit.run.writer.book import Book
from chaoskit.run.writer.rounds import read_all

_AGAIN_AFTER_S = 0.1
_SURE_AFTER_S = 2.0  # a store that shows the same losses for so long has lost them
_QUIET_S = 1.0  # a queue that has handed out everything may still hand something out twice


@dataclass
class _Steady:
    """The last read, and since when reads have shown the same."""

    read: Read | None = None
    since_ns: int = 0

    def see(self, read: Read) -> None:
        if self.read is None or Counter(read.values) != Counter(self.read.values):
            self.since_ns = read.begun_ns
        self.read = read


def read_back(ledger: LedgerKind, run: Run, book: Book, within_s: float) -> bool:
    """Append the final read, or why there is none; whether there is one."""
    client = ledger.open(run)
    deadline_ns = now_ns() + round(within_s * NS)
    steady, why = _Steady(), ""
    while True:
        try:
            steady.see(read_all(client, run))
        except ReadFailed as failure:
            why = str(failure)
        if _settled(steady, ledger.discipline, book.acked) or now_ns() >= deadline_ns:
            break
        pause(_AGAIN_AFTER_S)
    client.close()
    if steady.read is None:
        book.unread(now_ns(), why or f"no answer within {within_s:g} s")
        return False
    book.read(steady.read, final=True)
    return True


def _settled(steady: _Steady, discipline: Discipline, acked: set[int]) -> bool:
    """Whether looking again would show the same."""
    if steady.read is None:
        return False
    same_for_s = (now_ns() - steady.since_ns) / NS
    complete = acked <= set(steady.read.values)
    if discipline is Discipline.QUEUE:  # what is missing may be in a worker's hands until the end
        return complete and same_for_s >= _QUIET_S
    return complete or same_for_s >= _SURE_AFTER_S
