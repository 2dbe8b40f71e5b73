"""queue: jobs go into a Redis stream or list; the target's workers leave results in another key."""

from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.ledgers.base import Answer, LedgerKind, ReadFailed, Run, setting
from chaoskit.ledgers.resp import Resp, texts_in
from chaoskit.model.ledger import Discipline

_READ = {
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1),
    "stream": ("XRANGE", "-", "+"),
    "hash": ("HKEYS",),
}


@dataclass(frozen=True, kw_only=True)
class Queue(LedgerKind):
    """A queue in Redis: jobs into a stream or a list, results of the target's workers at the end."""

    discipline: ClassVar[Discipline] = Discipline.QUEUE
    url: str = setting("The Redis server with both keys.", example="${redis_url}")
    jobs: str = setting("The key that jobs are added to.", default="jobs")
    structure: str = setting(
        "What `jobs` is, and so how a job is added: XADD or LPUSH.",
        default="stream",
        choices=("stream", "list"),
    )
    job_field: str = setting("The field of a stream's entry that holds the value.", default="value")
    results: str = setting(
        "The key in which the workers leave each value: a list, set, zset, stream or hash's keys.",
        default="results",
    )

    def __post_init__(self) -> None:
        if self.structure not in {"stream", "list"}:
            message = f"structure is {self.structure!r}; choose from stream, list"
            raise ValueError(message)

    def prepare(self, run: Run) -> None:
        """Nothing: the queue is the target's."""

    def open(self, run: Run) -> "QueueEnds":
        """A client."""
        return QueueEnds(Resp(self.url, run.timeout_s), self)


class QueueEnds:
    """One connection to both ends of the queue."""

    def __init__(self, server: Resp, queue: Queue) -> None:
        self._server = server
        self._queue = queue
        self.close = server.close

    def write(self, value: str) -> Answer:
        """See Client."""
        queue = self._queue
        if queue.structure == "list":
            return self._server.write("LPUSH", queue.jobs, value)
        return self._server.write("XADD", queue.jobs, "*", queue.job_field, value)

    def read(self) -> list[str]:
        """See Client. One entry of the results is one text."""
        kind = self._server.ask("TYPE", self._queue.results)
        if kind == "none":
            return []
        if kind not in _READ:
            message = f"the key {self._queue.results!r} is a {kind}, which holds no results"
            raise ReadFailed(message)
        command, *rest = _READ[kind]
        entries: list[Any] = list(self._server.ask(command, self._queue.results, *rest))
        return [texts_in(one) for one in entries]


KIND = Queue
