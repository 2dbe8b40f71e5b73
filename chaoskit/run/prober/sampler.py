"""The loop: asks what is due, hears what was answered, gives up what is out of time.

Order is what keeps it punctual: what is due goes first, also between two answers of one batch. All
times are read as close to the system call as Python allows.
"""

import heapq
from collections.abc import Callable, Sequence
from time import monotonic_ns

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.base import Judgement
from chaoskit.run.prober.ask import Ask
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.record import NEVER, RECORD, SampleFile, Tally
from chaoskit.run.prober.schedule import Lane, Turn
from chaoskit.run.prober.timer import Timer

# Answers taken from epoll at once: a longer batch would be stamped later than it came.
_BATCH = 16

Open = Callable[[Lane, Turn], Ask]


class Sampler:
    """Samples any number of lanes into one file, from `begin` until it has drained."""

    def __init__(self, hub: Hub) -> None:
        self.tally = Tally()
        self._hub = hub
        self._timer = Timer()
        hub.epoll.register(self._timer.fd, 1)  # EPOLLIN; it has no listener: waking is enough
        self._file: SampleFile | None = None
        self._lanes: list[Lane] = []
        self._openers: dict[Lane, Open] = {}
        self._turns: list[tuple[int, int, int, Lane]] = []  # a heap of what is due next
        self._when_drained: Callable[[], None] | None = None
        self._stopped = False

    @property
    def busy(self) -> bool:
        """Whether sampling is under way."""
        return self._file is not None

    def begin(self, file: SampleFile, lanes: Sequence[tuple[Lane, Open]]) -> None:
        """Sample these lanes, from their first instants on."""
        self.tally = Tally()
        self._file = file
        self._lanes = [lane for lane, _ in lanes]
        self._openers = dict(lanes)
        self._turns = [_turn(lane) for lane in self._lanes]
        heapq.heapify(self._turns)

    def drain(self, *, whole_rounds_of: Sequence[Lane], then: Callable[[], None]) -> None:
        """Complete the round under way in those lanes, stop the others; call when all is answered."""
        rounds = max((lane.k for lane in whole_rounds_of), default=0)
        for lane in self._lanes:
            lane.stop_at = rounds if lane in whole_rounds_of else lane.k
        self._turns = [turn for turn in self._turns if not turn[-1].finished]
        heapq.heapify(self._turns)
        self._when_drained = then

    def stop(self) -> None:
        """Leave the loop at once. What was recorded is on disk; asks in flight are not waited for."""
        self._stopped = True
        if self._file is not None:
            self._file.close()
            self._file = None

    def run(self) -> None:
        """Until stopped."""
        poll, listeners = self._hub.epoll.poll, self._hub.listeners
        while not self._stopped:
            self._timer.arm(self._next_wake_ns())
            for fd, mask in poll(-1, _BATCH):
                if self._turns and self._turns[0][0] <= monotonic_ns():
                    self._take_turns()
                listener = listeners.get(fd)
                if listener is not None:
                    listener.ready(mask)
            self._take_turns()
            self._expire()
            self._settle()

    def finish(self, ask: Ask, judgement: Judgement, done_ns: int) -> None:
        """An ask has its answer: on to the file with it."""
        lane, turn = ask.lane, ask.turn
        lane.in_flight -= 1
        if turn.late:
            judgement = Judgement(Outcome.UNKNOWN, Reason.LATE, judgement.detail)
        self._record(lane, turn, judgement, ask.sent_ns, done_ns)

    def _take_turns(self) -> None:
        turns = self._turns
        now_ns = monotonic_ns()
        while turns and turns[0][0] <= now_ns:
            lane = turns[0][-1]
            turn = lane.take_turn(now_ns)
            if lane.finished:
                heapq.heappop(turns)
            else:
                heapq.heapreplace(turns, _turn(lane))
            self._ask(lane, turn, now_ns)
            now_ns = monotonic_ns()

    def _ask(self, lane: Lane, turn: Turn, now_ns: int) -> None:
        if not turn.slot:
            self.tally.no_slot += 1
            judgement = Judgement(Outcome.UNKNOWN, Reason.NO_SLOT)
            self._record(lane, turn, judgement, 0, now_ns)
            return
        self.tally.late += turn.late
        lane.in_flight += 1
        ask = self._openers[lane](lane, turn)
        self.tally.lag(ask.sent_ns - turn.due_ns)
        lane.waiting.append(ask)
        ask.begin()

    def _record(
        self, lane: Lane, turn: Turn, judgement: Judgement, sent_ns: int, done_ns: int
    ) -> None:
        outcome, reason, detail, _ = judgement
        self.tally.outcomes[outcome] += 1
        record = RECORD.pack(
            turn.due_ns,
            sent_ns,
            done_ns,
            turn.k,
            detail,
            lane.probe,
            lane.track,
            outcome,
            reason,
            0,
        )
        if self._file is not None:
            self._file.append(record, done_ns)

    def _next_wake_ns(self) -> int:
        wake_ns = self._turns[0][0] if self._turns else NEVER
        for lane in self._lanes:
            deadline_ns = lane.next_deadline_ns()
            if deadline_ns is not None and deadline_ns < wake_ns:
                wake_ns = deadline_ns
        if self._file is not None:
            wake_ns = min(wake_ns, self._file.flush_at_ns)
        return wake_ns

    def _expire(self) -> None:
        for lane in self._lanes:
            deadline_ns = lane.next_deadline_ns()
            while deadline_ns is not None and deadline_ns <= monotonic_ns():
                lane.waiting[0].expire()
                deadline_ns = lane.next_deadline_ns()

    def _settle(self) -> None:
        file = self._file
        if file is None:
            return
        if file.flush_at_ns <= monotonic_ns():
            file.flush()
        then = self._when_drained
        if then and not self._turns and not any(lane.in_flight for lane in self._lanes):
            file.close()
            self._file, self._lanes, self._when_drained = None, [], None
            then()


def _turn(lane: Lane) -> tuple[int, int, int, Lane]:
    """A lane's next turn; no two are equal before the lane itself, which has no order."""
    return lane.due_ns, lane.probe, lane.track, lane
