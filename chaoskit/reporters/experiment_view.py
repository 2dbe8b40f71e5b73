"""One experiment as the report shows it: the judgement first, then what it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from chaoskit.model.journal import Anchor, ExperimentRecord
from chaoskit.model.quantities import format_duration
from chaoskit.model.trend import Trend
from chaoskit.reporters.attribution_view import first_to_act
from chaoskit.reporters.charts import Words, bound_words, draw_dots
from chaoskit.reporters.detail import Detail
from chaoskit.reporters.figures import (
    HEADLINE_MEASURES,
    Figure,
    budget_figures,
    judged,
    label_of,
)
from chaoskit.reporters.floor_view import floor_rows
from chaoskit.reporters.ledgers import ledger_rows, ledger_words
from chaoskit.reporters.proof_words import note_words
from chaoskit.reporters.summary_view import Summary, summary
from chaoskit.reporters.text import redact_values
from chaoskit.reporters.together import Gathering, Together
from chaoskit.reporters.trial_view import TimelineOf, TrialView, trial_view
from chaoskit.reporters.wording import (
    UNKNOWN,
    Result,
    error_budget_words,
    result_of,
    verdict_words,
)


@dataclass(frozen=True, kw_only=True)
class Around:
    """What an experiment's view needs of its run."""

    anchor: Anchor
    detail: Detail
    trends: Mapping[str, Trend]


@dataclass(frozen=True, kw_only=True)
class BudgetRow:
    """A budget over all trials, with its trials drawn as dots."""

    figure: Figure
    dots: Markup


@dataclass(frozen=True, kw_only=True)
class HealerRow:
    """What one healer did over all trials."""

    name: str
    kind: str
    settings: str
    named: bool  # the experiment says that this healer should do it
    detected: str
    acted: str
    restored: str
    first: str  # in how many trials it was the first to act


@dataclass(frozen=True, kw_only=True)
class ExperimentView:
    """Everything the page says about one experiment."""

    id: str
    record: ExperimentRecord
    result: Result
    verdict: str
    expected: str  # the expected verdict's words, when there is one
    sentence: str
    claim: str
    proof: str  # whether it has shown that it can fail, in words
    summary: Summary
    together: Together
    error_budget: str  # what the fault costs of the promise to users, when there is one
    budgets: tuple[BudgetRow, ...]
    columns: tuple[str, ...]
    trials: tuple[TrialView, ...]
    lean: str  # the numbers of those that are not shown in every detail
    folder: str  # where the evidence of its trials is
    shown: str  # the id of the trial whose drawing is open
    healers: tuple[HealerRow, ...]
    floors: tuple[tuple[str, ...], ...]  # healers beside the fastest that they can be
    ledger: str  # what became of the writes, when a ledger was kept
    ledger_rows: tuple[tuple[str, ...], ...]
    facts: tuple[tuple[str, str], ...]
    chaostoolkit: tuple[tuple[str, ...], ...]


def experiment_view(
    page_id: str,
    record: ExperimentRecord,
    timeline_of: TimelineOf,
    around: Around,
) -> ExperimentView:
    """The view of one experiment; `page_id` is its id on the page."""
    detail = around.detail
    columns = _columns(record)
    gathering, views = Gathering(record=record), []
    for one in record.trials:
        timeline = timeline_of(record, one)
        place = (f"{page_id}-t{one.index}", columns)
        lean = not detail.shows(record, one)
        views.append(trial_view(record, one, timeline, place, lean=lean))
        gathering.take(one, timeline)
    trials = tuple(views)
    judgement = record.judgement
    return ExperimentView(
        id=page_id,
        record=record,
        result=result_of(record),
        verdict=verdict_words(judgement.verdict) if judgement else "not judged",
        expected=verdict_words(record.expect) if record.expect else "",
        sentence=_plain_sentence(record),
        claim=_claim(record),
        proof=note_words(record.proof),
        summary=summary(page_id, record, around.trends.get(record.name)),
        together=gathering.view(page_id),
        error_budget=error_budget_words(record),
        budgets=_budget_rows(page_id, record),
        columns=tuple(label_of(one) for one in columns),
        trials=trials,
        lean=", ".join(str(one.record.index) for one in trials if one.lean),
        folder=record.trials[0].folder.rpartition("/")[0] if record.trials else "",
        shown=f"{page_id}-t{detail.telling.get(record.name, 0)}",
        healers=_healers(record),
        floors=floor_rows(record),
        ledger=ledger_words(record),
        ledger_rows=ledger_rows(record),
        facts=_facts(record),
        chaostoolkit=_chaostoolkit(record),
    )


_USUAL = (*HEADLINE_MEASURES, "outage", "availability")


def _columns(record: ExperimentRecord) -> tuple[str, ...]:
    """What the table of trials shows: every budget and the usual ones; each trial lists the rest."""
    taken = {one.measure for _, judgement in judged(record) for one in judgement.measures}
    wanted = dict.fromkeys([*(budget.measure for budget in record.budgets), *_USUAL])
    return tuple(one for one in wanted if one in taken)


def _plain_sentence(record: ExperimentRecord) -> str:
    """The judgement's sentence without the verdict that stands before it already."""
    if record.judgement is None:
        return "The run ended before this was judged."
    sentence = record.judgement.sentence
    verdict = f"{verdict_words(record.judgement.verdict)}: "
    if sentence.lower().startswith(verdict):
        sentence = sentence[len(verdict) :]
    return sentence[:1].upper() + sentence[1:]


def _claim(record: ExperimentRecord) -> str:
    """The claim, unless the sentence says it."""
    judgement = record.judgement
    return "" if judgement is None or judgement.claim in judgement.sentence else judgement.claim


def _budget_rows(page_id: str, record: ExperimentRecord) -> tuple[BudgetRow, ...]:
    rows = []
    for number, one in enumerate(budget_figures(record), start=1):
        words = Words(
            id=f"{page_id}-b{number}", title=f"{one.label} by trial", description=bound_words(one)
        )
        rows.append(BudgetRow(figure=one, dots=draw_dots(one, words)))
    return tuple(rows)


def _healers(record: ExperimentRecord) -> tuple[HealerRow, ...]:
    declared = {one.name: one for one in record.healers}
    acts = [judgement.acts for _, judgement in judged(record)]
    seen = dict.fromkeys(act.healer for trial in acts for act in trial)
    rows = []
    for name in dict.fromkeys([*declared, *record.healed_by, *seen]):
        mine = [act for trial in acts for act in trial if act.healer == name]
        healer = declared.get(name)
        settings = redact_values(dict(healer.settings)) if healer else {}
        first = sum(first_to_act(trial) == name for trial in acts)
        rows.append(
            HealerRow(
                name=name,
                kind=healer.kind if healer else "not declared",
                settings=", ".join(f"{key} {value}" for key, value in settings.items()),
                named=name in record.healed_by,
                detected=_over_trials([one.detected_s for one in mine], len(acts)),
                acted=_over_trials([one.acted_s for one in mine], len(acts)),
                restored=_over_trials([one.restored_s for one in mine], len(acts)),
                first=f"{first} of {len(acts)}" if acts else UNKNOWN,
            )
        )
    return tuple(rows)


def _over_trials(times_s: Sequence[float | None], trials: int) -> str:
    """The median, and in how many trials when not in all."""
    known = [one for one in times_s if one is not None]
    if not known:
        return "never seen" if trials else UNKNOWN
    text = format_duration(median(known))
    return text if len(known) >= trials else f"{text}, in {len(known)} of {trials}"


def _facts(record: ExperimentRecord) -> tuple[tuple[str, str], ...]:
    """What was asked for, for whoever wants to know exactly."""
    allowed = f", {record.allow} may miss" if record.allow else ""
    facts = [
        ("File", f"{record.file}, line {record.line}"),
        ("Target", record.target_title or record.target),
        ("Trials", f"{len(record.trials)} of {record.runs} (plan {record.plan}{allowed})"),
        ("Probing", f"{record.rate_hz:g} a second, timeout {format_duration(record.timeout_s)}"),
        (
            "Phases",
            f"baseline {format_duration(record.baseline_s)}, watch at most "
            f"{format_duration(record.watch_s)}, stable {format_duration(record.stable_s)}",
        ),
    ]
    if record.tags:
        facts.append(("Tags", ", ".join(record.tags)))
    if record.target_start_s is not None:
        facts.append(("Target start", format_duration(record.target_start_s)))
    if record.wall_s is not None:
        facts.append(("Own time", format_duration(record.wall_s)))
    if record.hash:
        facts.append(("File hash", record.hash[:12]))
    return tuple(facts)


def _chaostoolkit(record: ExperimentRecord) -> tuple[tuple[str, ...], ...]:
    """Chaos Toolkit's own account of every trial: status, deviated, steady, failures."""
    rows = []
    for trial in record.trials:
        said = redact_values(dict(trial.chaostoolkit))
        if not said:
            continue
        failed = [
            f"{one} ({key.removeprefix('failed_')})"
            for key, value in said.items()
            if key.startswith("fail") and isinstance(value, list)
            for one in value
        ]
        rows.append(
            (
                str(trial.index),
                str(said.get("status", UNKNOWN)),
                *(_yes(said.get(key)) for key in ("deviated", "steady_before", "steady_after")),
                "; ".join(failed) or "none",
            )
        )
    return tuple(rows)


def _yes(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else UNKNOWN
