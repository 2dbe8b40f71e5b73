"""Goes to and fro between a run and a prober afar: orders there, samples and the time back.

One thread owns the way there, and makes it anew when it breaks. All that it does may be done twice, so
that nothing is lost or doubled by a break: orders have numbers, and samples are asked for from the
first one that has not come.
"""

import base64
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, Protocol, TypeVar

from chaoskit import __version__
from chaoskit.run.afar.clock import ClockBounds, ClockJumped
from chaoskit.run.afar.samples import Incoming
from chaoskit.run.clock import now_ns
from chaoskit.run.prober.handle import ProberLost
from chaoskit.target.kubernetes.api import ApiAway, ApiError
from chaoskit.target.patience import Deadline

T = TypeVar("T")

_EVERY_S = 0.1  # samples are fetched, and the clock is read
_SOON_S = 0.01  # a reply that is not there yet is asked for again
_AGAIN_S, _AGAIN_MOST_S = 0.05, 1.0
_ANSWER_S = 5.0
_STOP_S = 15.0


class Way(Protocol):
    """A connection to the prober."""

    def ask(self, line: str, *, timeout_s: float) -> str:
        """A line there, a line back. Raises ApiAway."""
        ...

    def close(self) -> None:
        """Let it go. Never raises."""
        ...


class Place(Protocol):
    """Where the prober is."""

    def reach(self) -> Way:
        """A way to it. Raises ApiAway, ApiError."""
        ...

    def why_gone(self) -> str:
        """Why it will never answer again; "" when it may. Raises ApiAway, ApiError."""
        ...


class Courier:
    """The way to one prober. Its methods are for one thread, which is not its own."""

    def __init__(self, place: Place, note: Callable[[str], None]) -> None:
        self.clock = ClockBounds()
        self.lost = ""  # why nothing comes any more
        self.incoming: Incoming | None = None
        self._place = place
        self._note = note
        self._way: Way | None = None
        self._again_s = _AGAIN_S
        self._ids = count(1)
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def do(self, what: Callable[[], T | None], *, within_s: float) -> T:
        """Have it done on the way until there is an answer; repeated after a break.

        Raises ProberLost, also when it takes longer.
        """
        deadline = Deadline(within_s)
        answer: queue.SimpleQueue[T] = queue.SimpleQueue()

        def work() -> None:
            while not (self.lost or self._stopping.is_set() or deadline.passed):
                with self._mending():
                    if (found := what()) is not None:
                        answer.put(found)
                        return
                    self._fetch()
                self._stopping.wait(_SOON_S)

        self._work.put(work)
        while True:
            if self.lost:
                raise ProberLost(self.lost)
            with suppress(queue.Empty):
                return answer.get(timeout=_EVERY_S)
            if deadline.passed:
                self.lose(f"the prober afar did not answer within {within_s:g} s")

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """One question and its answer, on the courier's own thread. Raises ApiAway, ApiError."""
        if self._way is None:
            self._way = self._place.reach()
        number = next(self._ids)
        asked_ns = now_ns()
        line = self._way.ask(json.dumps({"id": number, **question}), timeout_s=_ANSWER_S)
        heard_ns = now_ns()
        answer: Mapping[str, Any] = _parsed(line)
        if answer.get("id") != number:
            message = f"the prober afar answers what was not asked: {line[:100]!r}"
            raise ApiAway(message)
        if answer["version"] != __version__:
            self.lose(
                f"the prober's image has chaoskit {answer['version']}, and this is {__version__}"
            )
            raise ApiAway(self.lost)
        if answer.get("gone"):
            message = "the prober in its pod has ended"
            raise ApiAway(message)  # the pod will say why
        self.clock.hear(asked_ns, answer["now_ns"], heard_ns)
        return answer

    def fetch_all(self) -> bool:
        """Fetch samples until none is left; True. On the courier's own thread."""
        while self._fetch():
            pass
        return True

    def lose(self, why: str) -> None:
        """Nothing will come any more."""
        self.lost = self.lost or why

    def close(self) -> None:
        """End it. Idempotent."""
        self._stopping.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        while not (self._stopping.is_set() or self.lost):
            try:
                work = self._work.get(timeout=_EVERY_S)
            except queue.Empty:
                work = self._fetch_now
            work()
        self._drop()

    def _fetch_now(self) -> None:
        with self._mending():
            self.fetch_all()

    def _fetch(self) -> int:
        """How many bytes came, of what comes next."""
        incoming = self.incoming
        if incoming is None:
            self.ask({})  # for the clock, and to hear that it is there
            return 0
        answer = self.ask({"look": incoming.number, "from": incoming.received_bytes})
        data = base64.b64decode(answer["samples"])
        incoming.take(data)
        return len(data)

    @contextmanager
    def _mending(self) -> Iterator[None]:
        """What breaks inside is mended, not raised."""
        try:
            yield
        except (ApiAway, ApiError, ClockJumped) as error:
            self._mend(error)
        else:
            self._again_s = _AGAIN_S

    def _mend(self, error: Exception) -> None:
        """Find out whether the prober is still there, and wait a little."""
        self._drop()
        if isinstance(error, ClockJumped):
            self.lose(str(error))
        if self.lost:
            return
        with suppress(ApiAway, ApiError):
            if why := self._place.why_gone():
                self.lose(why)
                return
        if self._again_s == _AGAIN_S:
            self._note(f"the way to the prober broke and is made anew: {error}")
        self._stopping.wait(self._again_s)
        self._again_s = min(2 * self._again_s, _AGAIN_MOST_S)

    def _drop(self) -> None:
        way, self._way = self._way, None
        if way is not None:
            way.close()


def _parsed(line: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(line)
    except ValueError as error:
        message = f"the prober afar does not speak as expected: {line[:100]!r}"
        raise ApiAway(message) from error
    return found
