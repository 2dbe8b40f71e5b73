"""The undo log: what is about to be done is on disk, flushed, before it is done.

One JSON object a line, so that any later process can undo what the writer could not. A torn last
line belongs to something that was never begun, because doing waits for the flush.
"""

import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaoskit.model.faults import Doer, Gone, Instance, Operation
from chaoskit.run.clock import wall_now

LEDGER = "faults.jsonl"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One operation of one fault."""

    fault_id: str  # "f1": unique in a run
    number: int  # of the operation within the fault
    fault: str  # the fault's name: "hang"
    held: bool  # whether there is anything to undo
    operation: Operation

    @property
    def handle(self) -> str:
        """The operation's own name, as the agent knows it."""
        return f"{self.fault_id}.{self.number}"

    def __str__(self) -> str:
        return f"{self.fault} of {self.operation.instance.name} ({self.operation.mechanism})"


@dataclass(frozen=True, kw_only=True)
class ClusterPlace:
    """Where in a cluster a run has been at work."""

    context: str  # of the configuration; "": the current one
    namespace: str
    own: bool  # whether the run made the namespace


class UndoLog:
    """The undo log of one run. Lines are appended whole, whoever else writes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self._lock = threading.Lock()

    def begin(self, run_id: str) -> None:
        """Say whose log it is, once."""
        if not any(line.get("what") == "run" for line in self._lines()):
            self._append([{"what": "run", "run_id": run_id, "at": wall_now()}])

    def in_cluster(self, place: ClusterPlace) -> None:
        """The run is about to be at work there. It is on disk when this returns."""
        self._append([{"what": "cluster", "at": wall_now(), **asdict(place)}])

    @property
    def clusters(self) -> tuple[ClusterPlace, ...]:
        """Every place in a cluster where the run has been."""
        told = (line for line in self._lines() if line.get("what") == "cluster")
        found = (
            ClusterPlace(context=one["context"], namespace=one["namespace"], own=one["own"])
            for one in told
        )
        return tuple(dict.fromkeys(found))

    def on_the_engine(self) -> None:
        """The run is about to be at work on the Docker engine."""
        self._append([{"what": "engine", "at": wall_now()}])

    @property
    def on_engine(self) -> bool:
        """Whether the run has been at work on the Docker engine."""
        return any(line.get("what") == "engine" for line in self._lines())

    @property
    def run_id(self) -> str:
        """The run's id: as the log says, or else the folder's name."""
        named = (str(line["run_id"]) for line in self._lines() if line.get("what") == "run")
        return next(named, self.path.parent.name)

    def next_id(self) -> str:
        """A fault id that this run has not used yet."""
        doing = (line for line in self._lines() if line.get("what") == "doing")
        used = [str(line.get("fault", "")) for line in doing]
        numbers = [int(one[1:]) for one in used if one[:1] == "f" and one[1:].isdigit()]
        return f"f{max(numbers, default=0) + 1}"

    def doing(self, entries: Iterable[Entry]) -> None:
        """These are about to be done. They are on disk when this returns."""
        at = wall_now()
        self._append([{"what": "doing", "at": at, **_as_line(entry)} for entry in entries])

    def lifted(self, handle: str, gone: Gone) -> None:
        """This one is proven gone."""
        fault_id, _, number = handle.rpartition(".")
        line = {"what": "lifted", "at": wall_now(), "fault": fault_id, "operation": int(number)}
        self._append([{**line, "evidence": gone.evidence}])

    def open_entries(self) -> tuple[Entry, ...]:
        """Everything that was begun, is held, and was not proven gone; the newest first."""
        found: dict[tuple[str, int], Entry] = {}
        for line in self._lines():
            try:
                key = (line["fault"], line["operation"])
                if line["what"] == "doing" and line["held"]:
                    found[key] = _from_line(line)
                elif line["what"] == "lifted":
                    found.pop(key, None)
            except (KeyError, TypeError, ValueError):
                continue  # the header, or torn
        return tuple(reversed(found.values()))

    def _lines(self) -> list[Mapping[str, Any]]:
        if not self.path.exists():
            return []
        lines: list[Mapping[str, Any]] = []
        for text in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # torn by a crash
            if isinstance(line, dict):
                lines.append(line)
        return lines

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        with self._lock:
            fresh = not self.path.exists()
            with open(self.path, "a+b", opener=_for_the_owner) as file:
                file.write(_after_torn_line(file) + text.encode())
                file.flush()
                os.fsync(file.fileno())
            if fresh:
                _sync_folder(self.path.parent)


def _for_the_owner(path: str, flags: int) -> int:
    """What an undo restores may hold passwords, such as a service's environment."""
    return os.open(path, flags, 0o600)


def _after_torn_line(file: Any) -> bytes:
    """A line's end, when the last writer died before it wrote its own."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _sync_folder(folder: Path) -> None:
    """A new file is only as safe as the folder's entry for it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_line(entry: Entry) -> dict[str, Any]:
    return {
        "fault": entry.fault_id,
        "operation": entry.number,
        "name": entry.fault,
        "held": entry.held,
        **asdict(entry.operation),
    }


def _from_line(line: Mapping[str, Any]) -> Entry:
    operation = Operation(
        doer=Doer(line["doer"]),
        kind=line["kind"],
        instance=Instance(**line["instance"]),
        params=line["params"],
        mechanism=line["mechanism"],
    )
    return Entry(
        fault_id=line["fault"],
        number=line["operation"],
        fault=line["name"],
        held=line["held"],
        operation=operation,
    )
