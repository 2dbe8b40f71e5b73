"""A run's folder on disk: where everything lies."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.errors import EnvironmentUnfit, InputError, Problem
from chaoskit.model import codec
from chaoskit.model.journal import Journal
from chaoskit.model.jsonlines import append_rows
from chaoskit.run.clock import wall_now

JOURNAL = "journal.json"
HISTORY = "history.jsonl"


def new_run_id() -> str:
    """A run's id: sortable by time, unlikely to meet another."""
    stamp = wall_now()[:19].replace("-", "").replace(":", "").replace("T", "-")
    return f"{stamp}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class RunFolder:
    """One run under reports/."""

    path: Path

    @classmethod
    def create(cls, root: Path, run_id: str) -> "RunFolder":
        """Make the folder, and point `latest` at it. Raises EnvironmentUnfit when it cannot be."""
        path = root / run_id
        latest = root / "latest"
        fresh = root / f".latest-{run_id}"
        try:
            (path / "logs").mkdir(parents=True)
            fresh.symlink_to(run_id)
            fresh.replace(latest)
        except OSError as error:
            reason = error.strerror or error
            message = f"{root} cannot hold a run: {reason}; name another folder with --reports"
            raise EnvironmentUnfit(message) from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run's folder. Raises InputError when there is no journal in it."""
        if not (path / JOURNAL).is_file():
            raise InputError(
                Problem(
                    file=str(path),
                    message="is not a run: it has no journal.json",
                    hint="name a folder under reports/, for example reports/latest",
                )
            )
        return cls(path.resolve())

    @property
    def logs(self) -> Path:
        """Where the services' logs go."""
        return self.path / "logs"

    def trial(self, experiment: str, index: int) -> Path:
        """The folder of one trial, made when it is not there yet."""
        path = self.path / "trials" / experiment / str(index)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def relative(self, path: Path) -> str:
        """A path as the journal names it."""
        return path.relative_to(self.path).as_posix()

    def write_journal(self, journal: Journal) -> None:
        """Replace journal.json in one step: a reader never sees half of it."""
        _replace(self.path / JOURNAL, codec.dump(journal))

    def read_journal(self) -> Journal:
        """The journal as it is on disk. Raises InputError."""
        path = self.path / JOURNAL
        return codec.load(codec.read_text(path), source=str(path))

    def write(self, name: str, text: str) -> None:
        """Replace a file of the run in one step. Raises EnvironmentUnfit when it cannot be."""
        try:
            _replace(self.path / name, text)
        except OSError as error:
            message = f"{self.path / name} cannot be written: {error.strerror or error}"
            raise EnvironmentUnfit(message) from None

    def log_files(self, place: str) -> Mapping[str, Path]:
        """The logs of a target's services, by service; `place` is an experiment's `logs`."""
        return {path.stem: path for path in sorted((self.path / place).glob("*.log"))}


def append_history(root: Path, row: Mapping[str, Any]) -> None:
    """Add one row to history.jsonl; see append_rows."""
    append_rows(root / HISTORY, [row])


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
