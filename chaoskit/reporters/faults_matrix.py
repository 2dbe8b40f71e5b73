"""Services against families of faults: what was broken, what came of it, and what nobody tried.

The empty cells are the message. A service of the target that no fault was ever done to has a row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.model.faults import FAMILIES
from chaoskit.model.journal import ExperimentRecord
from chaoskit.model.proof import ArmKind
from chaoskit.reporters.wording import Result

_OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Try:
    """One fault that was done to one service."""

    fault: str
    result: Result  # of the system: a known weakness is a weakness here
    experiment: ExperimentRecord


@dataclass(frozen=True, kw_only=True)
class ServiceRow:
    """A service; a cell for each family, empty where nothing was tried."""

    target: str
    service: str
    cells: tuple[tuple[Try, ...], ...]


@dataclass(frozen=True, kw_only=True)
class FaultsMatrix:
    """The whole matrix."""

    families: tuple[str, ...]
    rows: tuple[ServiceRow, ...]
    tried: int  # cells
    cells: int


def faults_matrix(records: Sequence[ExperimentRecord]) -> FaultsMatrix:
    """Of experiments on whole systems; arms without a fault or a healer are about something else."""
    whole = [one for one in records if one.arm is None or one.arm.kind is ArmKind.ON]
    tries: dict[tuple[str, str], dict[str, list[Try]]] = {}
    for record in whole:
        title = record.target_title or record.target
        for service in (*record.services, *record.redundancy):
            tries.setdefault((title, service), {})
        for service, family, fault in _done(record):
            mine = tries.setdefault((title, service), {}).setdefault(family, [])
            mine.append(Try(fault=fault, result=_result(record), experiment=record))
    used = {family for row in tries.values() for family in row}
    families = tuple(one for one in FAMILIES if one != _OTHER or one in used)
    rows = tuple(
        ServiceRow(
            target=target,
            service=service,
            cells=tuple(tuple(row.get(one, ())) for one in families),
        )
        for (target, service), row in tries.items()
    )
    tried = sum(bool(cell) for row in rows for cell in row.cells)
    return FaultsMatrix(families=families, rows=rows, tried=tried, cells=len(rows) * len(families))


def _done(record: ExperimentRecord) -> list[tuple[str, str, str]]:
    """Service, family and fault; older journals know only whom it was done to."""
    if record.faults:
        found = []
        for one in record.faults:
            family = one.family if one.family in FAMILIES else _OTHER
            services = (one.service,) if one.service else _picked(record)
            found += [(service, family, one.fault) for service in services]
        return list(dict.fromkeys(found))
    return [(service, _OTHER, "a fault") for service in _picked(record)]


def _result(record: ExperimentRecord) -> Result:
    judgement = record.judgement
    if judgement is None or not judgement.verdict.conclusive:
        return Result.INCONCLUSIVE
    return Result.PASSED if judgement.verdict.good else Result.FAILED


def _picked(record: ExperimentRecord) -> tuple[str, ...]:
    names = (re.sub(r"-\d+$", "", one) for trial in record.trials for one in trial.picked)
    return tuple(dict.fromkeys(names))
