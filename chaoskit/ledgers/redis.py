"""redis: values are pushed to a list, and the list is read back."""

from dataclasses import dataclass
from typing import ClassVar

from chaoskit.ledgers.base import Answer, LedgerKind, Run, setting
from chaoskit.ledgers.resp import Resp
from chaoskit.model.ledger import Discipline


@dataclass(frozen=True, kw_only=True)
class Redis(LedgerKind):
    """A Redis list: RPUSH of every value, LRANGE at the end."""

    discipline: ClassVar[Discipline] = Discipline.SET
    url: str = setting("Where it is.", example="${redis_url}")
    key: str = setting("The list's key; the trial's token is added.", default="chaoskit:ledger")

    def prepare(self, run: Run) -> None:
        """Nothing: a list is made by its first value."""

    def open(self, run: Run) -> "RedisList":
        """A client."""
        return RedisList(Resp(self.url, run.timeout_s), f"{self.key}:{run.token}")


class RedisList:
    """One connection to the list."""

    def __init__(self, server: Resp, key: str) -> None:
        self._server = server
        self._key = key
        self.close = server.close

    def write(self, value: str) -> Answer:
        """See Client."""
        return self._server.write("RPUSH", self._key, value)

    def read(self) -> list[str]:
        """See Client."""
        return [str(one) for one in self._server.ask("LRANGE", self._key, 0, -1)]


KIND = Redis
