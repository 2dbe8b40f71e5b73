"""What history.jsonl keeps of a run: one row an experiment, small enough to keep for ever."""

from collections.abc import Iterator
from typing import Any

from chaoskit.model.journal import ExperimentRecord, Journal

SCHEMA = 1


def rows(journal: Journal) -> Iterator[dict[str, Any]]:
    """The rows of a judged run. Measures are lists over the trials; null where unknown."""
    for experiment in journal.experiments:
        judgement = experiment.judgement
        yield {
            "schema": SCHEMA,
            "run": journal.run_id,
            "at": journal.anchor.wall,
            "chaoskit": journal.chaoskit,
            "seed": journal.seed,
            "experiment": experiment.name,
            "hash": experiment.hash,
            "target": experiment.target,
            "host": journal.environment.get("host", ""),
            "verdict": judgement.verdict.value if judgement else None,
            "passed": judgement.passed if judgement else None,
            "measures": _measures(experiment),
        }


def _measures(experiment: ExperimentRecord) -> dict[str, list[float | None]]:
    """Measure → the worse end of each trial's interval; a censored one is null."""
    columns: dict[str, list[float | None]] = {}
    judged = [one.judgement for one in experiment.trials if one.judgement is not None]
    for judgement in judged:
        for one in judgement.measures:
            columns.setdefault(one.measure, []).append(None if one.censored else one.high)
    return columns
