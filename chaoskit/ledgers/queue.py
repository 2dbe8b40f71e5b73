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
    url: str = setting("The Redis server with the jobs.", example="${redis_url}")
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
    results_url: str = setting(
        "The Redis server with `results`, when it is not the one with `jobs`.",
        default="",
        example="${store_url}",
    )

    def __post_init__(self) -> None:
        if self.structure not in {"stream", "list"}:
            message = f"structure is {self.structure!r}; choose from stream, list"
            raise ValueError(message)

    def prepare(self, run: Run) -> None:
        """Nothing: the queue is the target's."""

    def open(self, run: Run) -> "QueueEnds":
        """A client."""
        jobs = Resp(self.url, run.timeout_s)
        apart = bool(self.results_url)
        return QueueEnds(self, jobs, Resp(self.results_url, run.timeout_s) if apart else jobs)


class QueueEnds:
    """A connection to each end of the queue; one for both where they are on the same server."""

    def __init__(self, queue: Queue, jobs: Resp, results: Resp) -> None:
        self._queue = queue
        self._jobs = jobs
        self._results = results

    def write(self, value: str) -> Answer:
        """See Client."""
        queue = self._queue
        if queue.structure == "list":
            return self._jobs.write("LPUSH", queue.jobs, value)
        return self._jobs.write("XADD", queue.jobs, "*", queue.job_field, value)

    def read(self) -> list[str]:
        """See Client. One entry of the results is one text."""
        kind = self._results.ask("TYPE", self._queue.results)
        if kind == "none":
            return []
        if kind not in _READ:
            message = f"the key {self._queue.results!r} is a {kind}, which holds no results"
            raise ReadFailed(message)
        command, *rest = _READ[kind]
        entries: list[Any] = list(self._results.ask(command, self._queue.results, *rest))
        return [texts_in(one) for one in entries]

    def close(self) -> None:
        """See Client."""
        self._jobs.close()
        self._results.close()


KIND = Queue
