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
from chaoskit.reporters.advice import Advice, advice_of
from chaoskit.reporters.attribution_view import Attribution, attribution
from chaoskit.reporters.confidence import confidence_words
from chaoskit.reporters.error_budget_view import error_budget_rows
from chaoskit.reporters.experiment_view import Around, ExperimentView, experiment_view
from chaoskit.reporters.faults_matrix import FaultsMatrix, faults_matrix
from chaoskit.reporters.headline import Headline, headline
from chaoskit.reporters.logs_view import LogsOf, with_logs
from chaoskit.reporters.principles import Principle, principles
from chaoskit.reporters.prompt import prompt_of
from chaoskit.reporters.proof_words import Matrix, bought, matrix_of, note_words, state_of
from chaoskit.reporters.text import redact, redact_values
from chaoskit.reporters.trial_view import TimelineOf
from chaoskit.reporters.wording import Result, result_of


@dataclass(frozen=True, kw_only=True)
class Page:
    """The whole report."""

    journal: Journal
    headline: Headline
    confidence: str  # how sure the headline is, when it praises
    when: str
    lasted: str
    commit: str  # of the repository that it was started in; empty when there is none
    advice: tuple[Advice, ...]
    principles: tuple[Principle, ...]
    experiments: tuple[ExperimentView, ...]
    faults: FaultsMatrix
    attribution: Attribution
    error_budgets: tuple[tuple[str, ...], ...]  # of experiments with a promise
    targets: int
    writes: bool  # any experiment kept a ledger
    trends: bool  # any experiment was run before
    ids: Mapping[str, str]  # where on the page an experiment is, by its name
    matrix: Matrix | None  # which healer heals which fault; of a run of control arms
    bought: tuple[str, ...]  # what each healer buys
    untold: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    images: tuple[tuple[str, ...], ...]  # target, service, image, digest
    command: str
    prompt: str  # the run as text


def page_of(
    journal: Journal,
    timeline_of: TimelineOf,
    around: Around,
    others: tuple[LogsOf, Sequence[Proof]],
) -> Page:
    """The report of a run, from its journal, its evidence, and what was stored of earlier runs."""
    logs_of, proofs = others
    records, advice = journal.experiments, advice_of(journal)
    ids = {record.name: f"e{number}" for number, record in enumerate(records, start=1)}
    views = [experiment_view(ids[one.name], one, timeline_of, around) for one in records]
    return Page(
        journal=journal,
        headline=headline(journal),
        confidence=confidence_words(journal),
        when=_when(journal.anchor.wall),
        lasted=_lasted(journal),
        commit=_commit(journal),
        advice=advice,
        principles=principles(records),
        experiments=with_logs(views, logs_of, around),
        faults=faults_matrix(records),
        attribution=attribution(records),
        error_budgets=error_budget_rows(records),
        targets=len({one.target for one in records}),
        writes=any(one.ledger for one in records),
        trends=any(len(one.points) > 1 for one in around.trends.values()),
        ids=ids,
        matrix=matrix_of(proofs) if proofs else None,
        bought=tuple(f"{one.experiment}: {said}" for one in proofs for said in bought(one)),
        untold=_untold(journal),
        environment=_environment(journal),
        images=_images(journal),
        command=redact(journal.command),
        prompt=prompt_of(journal, advice),
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


def _images(journal: Journal) -> tuple[tuple[str, ...], ...]:
    """What every service ran, each once."""
    rows = {
        (one.target, service, *image.partition(" ")[::2]): None
        for one in journal.experiments
        for service, image in sorted(one.images.items())
    }
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


def _commit(journal: Journal) -> str:
    """`3f9a1c2 on main`, and that there were changes."""
    commit, _, changes = str(journal.environment.get("commit", "")).partition(" ")
    branch = journal.environment.get("branch", "")
    said = f"{commit[:9]}{' ' if changes else ''}{changes}"
    return f"{said} on {branch}" if commit and branch else said


def _lasted(journal: Journal) -> str:
    try:
        begun = datetime.fromisoformat(journal.anchor.wall)
        ended = datetime.fromisoformat(journal.ended_wall)
        return format_duration(max((ended - begun).total_seconds(), 0.0))
    except (ValueError, TypeError):
        return ""
