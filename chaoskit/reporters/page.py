"""The report's page as values: everything the template shows, decided before it is drawn.

The template only lays out; it asks no question that a test could not ask here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chaoskit.model.journal import Journal
from chaoskit.model.proof import Proof, ProofState
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.experiment_view import ExperimentView, LogsOf, experiment_view
from chaoskit.reporters.headline import Headline, headline
from chaoskit.reporters.proof_words import Matrix, bought, matrix_of, note_words, state_of
from chaoskit.reporters.text import redact, redact_values
from chaoskit.reporters.trial_view import TimelineOf
from chaoskit.reporters.wording import Result, result_of


@dataclass(frozen=True, kw_only=True)
class Page:
    """The whole report."""

    journal: Journal
    headline: Headline
    when: str
    lasted: str
    experiments: tuple[ExperimentView, ...]
    matrix: Matrix | None  # which healer heals which fault; of a run of control arms
    bought: tuple[str, ...]  # what each healer buys
    untold: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    command: str


def page_of(
    journal: Journal, timeline_of: TimelineOf, logs_of: LogsOf, proofs: Sequence[Proof] = ()
) -> Page:
    """The report of a run, from its journal and its evidence."""
    return Page(
        journal=journal,
        headline=headline(journal),
        when=_when(journal.anchor.wall),
        lasted=_lasted(journal),
        experiments=tuple(
            experiment_view(f"e{number}", record, timeline_of, (logs_of, journal.anchor))
            for number, record in enumerate(journal.experiments, start=1)
        ),
        matrix=matrix_of(proofs) if proofs else None,
        bought=tuple(f"{one.experiment}: {said}" for one in proofs for said in bought(one)),
        untold=_untold(journal),
        environment=_environment(journal),
        command=redact(journal.command),
    )


def _untold(journal: Journal) -> tuple[str, ...]:
    """What the reader might think was shown, and was not."""
    said = []
    for record in journal.experiments:
        if result_of(record) is Result.INCONCLUSIVE:
            judgement = record.judgement
            why = judgement.sentence if judgement else "The run ended before this was judged."
            said.append(f"{record.title}: {why}")
        said += [
            f"{record.title}, trial {one.index}: {one.trouble}"
            for one in record.trials
            if one.trouble and not (one.judgement and one.judgement.verdict.conclusive)
        ]
    said += _never_broken(journal)
    said += _not_proven(journal)
    return tuple(said)


def _not_proven(journal: Journal) -> list[str]:
    """Experiments that have not shown that they can fail, and only when they should."""
    left = {
        one.arm.of if one.arm else one.name: one
        for one in journal.experiments
        if state_of(one.proof) is not ProofState.PROVEN
    }
    same = len({note_words(one.proof) for one in left.values()}) == 1
    if same and len(left) == len(journal.experiments) > 1:
        return [f"Of every experiment here: {note_words(next(iter(left.values())).proof)}"]
    return [f"{one.title}: {note_words(one.proof)}" for one in left.values()]


def _never_broken(journal: Journal) -> list[str]:
    """Services of each target that no fault was done to."""
    declared: dict[str, set[str]] = {}
    broken: dict[str, set[str]] = {}
    titles = {}
    for record in journal.experiments:
        titles[record.target] = record.target_title or record.target
        declared.setdefault(record.target, set()).update(record.redundancy)
        picked = {re.sub(r"-\d+$", "", one) for trial in record.trials for one in trial.picked}
        broken.setdefault(record.target, set()).update(picked)
    left = {target: sorted(services - broken[target]) for target, services in declared.items()}
    return [
        f"{titles[target]}: no fault was done to {', '.join(services)}."
        for target, services in left.items()
        if services
    ]


def _environment(journal: Journal) -> tuple[tuple[str, str], ...]:
    rows = [("chaoskit", journal.chaoskit), ("run", journal.run_id), ("seed", str(journal.seed))]
    for key, value in redact_values(dict(journal.environment)).items():
        rows.append((key.replace("_", " "), _flat(value)))
    return tuple(rows)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_flat(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_flat, value))
    return str(value)


def _when(wall: str) -> str:
    """`3 May 2026, 10:00 UTC`; a stamp that is none is shown as it is."""
    try:
        at = datetime.fromisoformat(wall)
    except ValueError:
        return wall
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _lasted(journal: Journal) -> str:
    try:
        begun = datetime.fromisoformat(journal.anchor.wall)
        ended = datetime.fromisoformat(journal.ended_wall)
        return format_duration(max((ended - begun).total_seconds(), 0.0))
    except (ValueError, TypeError):
        return ""
