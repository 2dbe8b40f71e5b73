"""A trial's ledger as the trial sees it: kept when it is wanted, and nothing at all when it is not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.ledgers.base import LedgerUnready
from chaoskit.model.experiment import LedgerUse
from chaoskit.model.ledger import LEDGER_FILE
from chaoskit.model.timeline import NS
from chaoskit.run.clock import now_ns
from chaoskit.run.writer.handle import Writer

_SLACK_S = 10.0  # beyond what the reading back may take: last answers, and a slow machine


class Keeping:
    """The ledger of one trial."""

    def __init__(self, use: LedgerUse | None, folder: Path) -> None:
        self.unready = ""  # why the target takes no values
        self._use = use
        self._path = folder / LEDGER_FILE
        self._writer: Writer | None = None
        self._limit_ns = 0

    def begin(self, resolved: Mapping[str, Any]) -> None:
        """Start writing; `resolved` has the configuration and the secrets. Raises WriterDied."""
        if self._use is None:
            return
        try:
            self._writer = Writer.begin(self._path, self._use, known_values(resolved))
        except LedgerUnready as error:
            self.unready = f"the ledger cannot be written: {error}"

    def check(self) -> None:
        """Raises WriterDied when it is no longer kept."""
        if self._writer is not None:
            self._writer.check()

    def finish(self) -> None:
        """Write no more, and read everything back; `over` says when."""
        if self._writer is not None and self._use is not None:
            self._limit_ns = now_ns() + round(
                (self._use.read_within_s + 2 * self._use.timeout_s + _SLACK_S) * NS
            )
            self._writer.finish()

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        writer = self._writer
        return writer is None or writer.finished or now_ns() >= self._limit_ns

    def close(self) -> None:
        """End the writer. What is written down stays."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def known_values(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """What `${name}` stands for: secrets, then the configuration with the target's addresses."""
    known: dict[str, Any] = {}
    for group in resolved["secrets"].values():
        if isinstance(group, Mapping):
            known.update(group)
    return {**known, **resolved["configuration"]}
