"""The prober's side of the pool: who asks python and process probes.

One process imports Chaos Toolkit (`chaoskit.run.pool`) and forks workers. A worker that does not
answer in time is killed with everything it started, and another takes its place.
"""

import json
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from time import monotonic_ns
from typing import Any

from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.probes.base import TIMED_OUT, BadProbe, Judgement
from chaoskit.run.prober.ask import Finish
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.schedule import Lane, Turn

_START_PATIENCE_S = 60.0
_CALL_PATIENCE_S = 5.0
_CALLS = 3  # to calibrate; the first one also imports things, and does not count
_LINE_BYTES = 4096
_DIED = Judgement(Outcome.BAD, Reason.RAISED)


class Worker:
    """One forked process behind a socket. Answers one ask at a time."""

    def __init__(self, crew: "Crew", number: int) -> None:
        self.number = number
        self.ask: PoolAsk | None = None
        self.socket, self.theirs = socket.socketpair()
        self._crew = crew
        self._heard = b""

    def send(self, probe: int) -> None:
        """Ask a probe, by its index."""
        self.socket.send(b"%d\n" % probe)

    def ready(self, _mask: int) -> None:
        """An answer came, or the worker died."""
        done_ns = monotonic_ns()
        try:
            data = self.socket.recv(_LINE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        ask = self.ask
        if not data:
            self._crew.replace(self)
        self._heard += data
        if ask is not None and (not data or self._heard.endswith(b"\n")):
            judgement = read_judgement(self._heard) if data else _DIED
            self._heard, self.ask = b"", None
            if data:
                self._crew.free.append(self)
            ask.end(judgement, done_ns)


class PoolAsk:
    """One ask carried out by a worker."""

    __slots__ = ("_crew", "_finish", "_worker", "deadline_ns", "lane", "over", "sent_ns", "turn")

    def __init__(self, lane: Lane, turn: Turn, *, crew: "Crew", finish: Finish) -> None:
        self.lane = lane
        self.turn = turn
        self.sent_ns = monotonic_ns()
        self.deadline_ns = self.sent_ns + lane.timeout_ns
        self.over = False
        self._crew = crew
        self._finish = finish
        self._worker: Worker | None = None

    def begin(self) -> None:
        """Give it to a free worker; there is one, because every lane has as many as its slots."""
        self._worker = worker = self._crew.free.pop()
        worker.ask = self
        try:
            worker.send(self.lane.probe)
        except OSError:
            self._crew.replace(worker)
            self.end(_DIED, monotonic_ns())

    def expire(self) -> None:
        """Kill the worker: nothing else ends a call that hangs."""
        if self._worker is not None:
            self._crew.replace(self._worker)
        self.end(TIMED_OUT, monotonic_ns())

    def end(self, judgement: Judgement, done_ns: int) -> None:
        """The one answer."""
        if not self.over:
            self.over = True
            self._finish(self, judgement, done_ns)


class Crew:
    """The pool as the prober holds it."""

    def __init__(self, setup: dict[str, Any], hub: Hub) -> None:
        """Starts the pool's process. Raises BadProbe when it cannot be used."""
        self.setup = setup
        self.free: list[Worker] = []
        self.took_s: dict[int, float] = {}  # by probe: a call while all was well
        self._hub = hub
        self._numbers = 0
        self._everyone: set[Worker] = set()
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chaoskit.run.pool"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._control.settimeout(_START_PATIENCE_S)
        self._control.sendall(json.dumps(setup).encode() + b"\n")
        self._await_ready()

    def calibrate(self, probes: Sequence[int]) -> None:
        """Find out how long a call of each probe takes, one at a time, before sampling begins."""
        for probe in probes:
            if probe not in self.took_s:
                self.took_s[probe] = self._measure(probe)

    def hire(self, count: int) -> None:
        """Have this many workers."""
        while len(self._everyone) < count:
            self._fork()

    def replace(self, worker: Worker) -> None:
        """Put another in its place, and end it with everything that it started."""
        if worker not in self._everyone:
            return
        self._everyone.discard(worker)
        if worker in self.free:
            self.free.remove(worker)
        self._hub.forget(worker.socket.fileno())
        worker.socket.close()
        self._control.sendall(b"kill %d\n" % worker.number)
        self._fork()

    def close(self) -> None:
        """End the pool: it kills its workers when its input closes."""
        for worker in self._everyone:
            self._hub.forget(worker.socket.fileno())
            worker.socket.close()
        self._control.close()
        try:
            self._process.wait(timeout=_CALL_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_ready(self) -> None:
        try:
            answer = self._control.recv(_LINE_BYTES)
        except OSError:
            answer = b""
        if answer != b"ready\n":
            self.close()
            message = (
                "the processes that ask python and process probes did not start; "
                "look whether `python -m chaoskit.run.pool` does"
            )
            raise BadProbe(message)

    def _fork(self) -> None:
        self._numbers += 1
        worker = Worker(self, self._numbers)
        with worker.theirs:
            line = b"fork %d\n" % worker.number
            socket.send_fds(self._control, [line], [worker.theirs.fileno()])
        worker.socket.setblocking(False)
        self._hub.watch(worker.socket.fileno(), select.EPOLLIN, worker)
        self._everyone.add(worker)
        self.free.append(worker)

    def _measure(self, probe: int) -> float:
        """Seconds of a call: the slower one of two, or the patience when it hangs."""
        self.hire(1)
        took_s: list[float] = []
        for _ in range(_CALLS):
            worker = self.free[-1]
            worker.socket.settimeout(_CALL_PATIENCE_S)
            sent_ns = monotonic_ns()
            try:
                worker.send(probe)
                answered = bool(worker.socket.recv(_LINE_BYTES))
            except OSError:
                answered = False
            took_s.append((monotonic_ns() - sent_ns) / 1e9)
            if not answered:
                self.replace(worker)
                return took_s[-1]
            worker.socket.setblocking(False)
        return max(took_s[1:])


def read_judgement(line: bytes) -> Judgement:
    """A worker's answer: outcome, reason and detail."""
    outcome, reason, detail = json.loads(line)
    return Judgement(Outcome(outcome), Reason(reason), int(detail))


def setup_of(
    specs: Sequence[tuple[int, ProbeSpec]], configuration: dict[str, Any], secrets: dict[str, Any]
) -> dict[str, Any]:
    """What the pool is told once."""
    probes = {
        str(index): {
            "name": spec.name,
            "type": "probe",
            "provider": {**spec.provider, "type": spec.kind},
            "tolerance": spec.tolerance,
        }
        for index, spec in specs
    }
    return {"probes": probes, "configuration": configuration, "secrets": secrets}
