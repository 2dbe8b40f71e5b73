"""From runs to the sides of a comparison: what the valid trials measured, and nothing else."""

import json
from collections.abc import Sequence
from pathlib import Path

from chaoskit.comparison.measure import MEASURES
from chaoskit.errors import InputError, Problem
from chaoskit.measures.base import catalogue
from chaoskit.model import codec
from chaoskit.model import side as sides
from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.proof import ArmKind
from chaoskit.model.side import Side, SideExperiment, Taken, machine_of

JOURNAL = "journal.json"


def read_side(path: Path) -> Side:
    """A run's folder, its journal, or a baseline file. Raises InputError."""
    file = path / JOURNAL if path.is_dir() else path
    if not file.is_file():
        what = "has no journal.json in it" if path.is_dir() else "does not exist"
        hint = "name a run such as reports/latest, a journal.json or a baseline file"
        raise InputError(Problem(file=str(path), message=what, hint=hint))
    text = codec.read_text(file)
    try:
        raw = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        raw = None  # the journal's reader says what is wrong
    if isinstance(raw, dict) and raw.get("schema") == sides.SCHEMA:
        return sides.load(raw, source=str(file))
    return side_of(codec.load(text, source=str(file)))


def side_of(journal: Journal) -> Side:
    """What a run measured, boiled down; only valid trials count."""
    return Side(
        run=journal.run_id,
        at=journal.anchor.wall,
        chaoskit=journal.chaoskit,
        host=str(journal.environment.get("host", "")),
        machine=machine_of(journal.environment),
        complete=bool(journal.ended_wall) and not journal.interrupted_by and not journal.trouble,
        experiments={name: _experiment(one) for one in journal.experiments if (name := _name(one))},
    )


def _name(record: ExperimentRecord) -> str:
    """What the experiment is called; "" for a control arm, which is not the experiment."""
    if record.arm is None:
        return record.name
    return record.arm.of if record.arm.kind is ArmKind.ON else ""


def _experiment(record: ExperimentRecord) -> SideExperiment:
    judged = [one.judgement for one in record.trials if one.judgement is not None]
    valid = [one for one in judged if one.verdict.conclusive]
    known = catalogue()
    names = [name for name in MEASURES if name in known]
    taken = {name: _taken(name, valid, 1 / record.rate_hz) for name in names}
    return SideExperiment(
        title=record.title,
        hash=record.hash,
        verdict=record.judgement.verdict if record.judgement else None,
        watch_s=record.watch_s,
        trials=len(valid),
        void=len(record.trials) - len(valid),
        measures={name: one for name, one in taken.items() if len(one)},
    )


def _taken(name: str, judged: Sequence[TrialJudgement], period_s: float) -> Taken:
    measure = catalogue()[name]
    found = [one for one in (trial.measured(name) for trial in judged) if one is not None]
    known = [one for one in found if one.low is not None]
    ended = [one for one in known if not _unended(one)]
    worse = (one.low if measure.sense is Sense.AT_LEAST else one.high for one in ended)
    finest = max((one.resolution or 0.0 for one in known), default=0.0)
    periods = {Unit.SECONDS: max(period_s, 2 * finest), Unit.RATIO: finest, Unit.COUNT: 0.0}
    return Taken(
        unit=measure.unit,
        sense=measure.sense,
        seen=tuple(one for one in worse if one is not None),
        beyond=tuple(one.low for one in known if _unended(one) and one.low is not None),
        period=periods[measure.unit],
    )


def _unended(measured: Measured) -> bool:
    """What came only after the lift was not done by the system: it would have taken longer."""
    return measured.censored or measured.after_lift or measured.high is None
