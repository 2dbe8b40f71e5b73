"""What history.jsonl keeps of a run, and how it is read back: one row an experiment, small for ever.

The file only ever grows. Several may be joined with `cat`, in any order, the same run in two of them
too; a line that a crash tore is skipped and said.
"""

import fcntl
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from chaoskit.errors import InputError, Problem
from chaoskit.measures.base import catalogue
from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement
from chaoskit.model.measures import Measured, Sense
from chaoskit.model.side import machine_of
from chaoskit.model.verdict import Verdict

SCHEMA = 1


def rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """The rows of a judged run. Measures are lists over the valid trials; null where unknown."""
    for experiment in journal.experiments:
        judgement, origin = experiment.judgement, experiment.origin
        environment = origin.environment if origin else journal.environment
        valid = _valid(experiment)
        yield {
            "schema": SCHEMA,
            "run": origin.run_id if origin else journal.run_id,
            "at": journal.anchor_of(experiment).wall,
            "chaoskit": journal.chaoskit,
            "seed": origin.seed if origin else journal.seed,
            "experiment": experiment.name,
            "hash": experiment.hash,
            "target": experiment.target,
            "host": environment.get("host", ""),
            "machine": machine_of(environment),
            "verdict": judgement.verdict.value if judgement else None,
            "passed": judgement.passed if judgement else None,
            "trials": len(valid),
            "measures": _measures(valid),
            "beyond": _beyond(valid),
        }


@dataclass(frozen=True, kw_only=True)
class Row:
    """One experiment of one run, as it is read back."""

    run: str
    at: str  # ISO 8601, UTC
    experiment: str
    hash: str = ""
    machine: str = ""
    verdict: Verdict | None = None
    passed: bool | None = None
    measures: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    beyond: Mapping[str, int] = field(default_factory=dict)  # trials not seen to end

    def median(self, measure: str) -> float | None:
        """The median over the valid trials; infinite when half was not seen to end."""
        known = [one for one in self.measures.get(measure, ()) if one is not None]
        values = [*known, *[math.inf] * self.beyond.get(measure, 0)]
        if not values:
            return None
        middle = median(sorted(values))
        return math.inf if math.isnan(middle) else middle


@dataclass(frozen=True, kw_only=True)
class History:
    """Rows in order of time, each once, and what could not be read."""

    rows: tuple[Row, ...]
    skipped: tuple[str, ...] = ()


def read(paths: Iterable[Path]) -> History:
    """The rows of history files. Raises InputError when one cannot be opened."""
    found: dict[tuple[str, str], Row] = {}
    skipped: list[str] = []
    for path in paths:
        for number, line in enumerate(_lines(path), start=1):
            try:
                row = _row(line)
            except (ValueError, TypeError, KeyError) as error:
                skipped.append(f"{path}:{number} is skipped: {_reason(line, error)}")
                continue
            if row is not None:
                found[row.run, row.experiment] = row
    ordered = sorted(found.values(), key=lambda one: (one.at, one.run, one.experiment))
    return History(rows=tuple(ordered), skipped=tuple(skipped))


def with_runs(stored: History, journals: Iterable[Journal], unread: Iterable[str]) -> History:
    """The same with stored runs themselves, each once; `unread` are those that could not be read."""
    found = {(one.run, one.experiment): one for one in stored.rows}
    for journal in journals:
        now = (_row(json.dumps(raw)) for raw in rows(journal))
        found.update({(one.run, one.experiment): one for one in now if one is not None})
    ordered = sorted(found.values(), key=lambda one: (one.at, one.run, one.experiment))
    return History(rows=tuple(ordered), skipped=(*stored.skipped, *unread))


def until(stored: History, journal: Journal) -> History:
    """What was stored before a run began, of its own experiments, and the run itself."""
    own = {one.name for one in journal.experiments}
    at = journal.anchor.wall
    before = [one for one in stored.rows if one.experiment in own and one.at < at]
    now = [one for raw in rows(journal) if (one := _row(json.dumps(raw))) is not None]
    return History(rows=(*before, *now), skipped=stored.skipped)


def _lines(path: Path) -> list[str]:
    """The file's lines, whole: whoever is adding one is waited for."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        hint = "`chaoskit run` adds to reports/history.jsonl"
        raise InputError(Problem(file=str(path), message=message, hint=hint)) from None


def _row(line: str) -> Row | None:
    """A row; None of an empty line. Raises ValueError, TypeError, KeyError."""
    if not line.strip():
        return None
    raw = json.loads(line)
    if raw["schema"] != SCHEMA:
        message = f"its schema is {raw['schema']!r}, this version reads {SCHEMA}"
        raise ValueError(message)
    verdict = raw.get("verdict")
    return Row(
        run=str(raw["run"]),
        at=str(raw["at"]),
        experiment=str(raw["experiment"]),
        hash=str(raw.get("hash", "")),
        machine=str(raw.get("machine") or raw.get("host") or ""),
        verdict=None if verdict is None else Verdict(verdict),
        passed=raw.get("passed"),
        measures={str(name): _numbers(values) for name, values in raw["measures"].items()},
        beyond={str(name): int(count) for name, count in raw.get("beyond", {}).items()},
    )


def _numbers(values: Sequence[Any]) -> tuple[float | None, ...]:
    return tuple(None if one is None else float(one) for one in values)


def _reason(line: str, error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        torn = not line.rstrip().endswith("}")
        return "it ends in the middle" if torn else f"not JSON: {error.msg}"
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _valid(experiment: ExperimentRecord) -> list[TrialJudgement]:
    judged = [one.judgement for one in experiment.trials if one.judgement is not None]
    return [one for one in judged if one.verdict.conclusive]


def _measures(valid: Sequence[TrialJudgement]) -> dict[str, list[float | None]]:
    """Measure → the worse end of each trial's interval; null when it was not seen to end."""
    columns: dict[str, list[float | None]] = {}
    for judgement in valid:
        for one in judgement.measures:
            columns.setdefault(one.measure, []).append(None if _unended(one) else _worse_end(one))
    return columns


def _worse_end(measured: Measured) -> float | None:
    known = catalogue().get(measured.measure)
    at_least = known is not None and known.sense is Sense.AT_LEAST
    return measured.low if at_least else measured.high


def _beyond(valid: Sequence[TrialJudgement]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for judgement in valid:
        for one in judgement.measures:
            if _unended(one):
                counts[one.measure] = counts.get(one.measure, 0) + 1
    return counts


def _unended(measured: Measured) -> bool:
    """What came only after the lift was not done by the system."""
    return measured.censored or measured.after_lift
