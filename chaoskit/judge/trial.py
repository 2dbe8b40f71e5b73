"""One trial: what its evidence says, the worst first.

void (ours, or below a healer's floor) > not_healed > data_lost > wrong_healer > too_slow > over_budget
> a budget that cannot be told > prevented > masked > healed
"""

from dataclasses import replace

from chaoskit.judge.floors import below_floor
from chaoskit.judge.ledger import ledger_facts
from chaoskit.judge.validity import why_void
from chaoskit.judge.wording import missed, recovered
from chaoskit.measures.attribution import acts_of, noticed, wrong_healer
from chaoskit.measures.base import NO_LEDGER, catalogue, keeps, measure_all
from chaoskit.measures.series import Series
from chaoskit.model.experiment import Budget
from chaoskit.model.journal import (
    Act,
    BudgetCheck,
    ExperimentRecord,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.marks import MarkKind
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict

_MISSED = {
    "recovery": Verdict.TOO_SLOW,
    "kept_recovery": Verdict.TOO_SLOW,
    "lost_writes": Verdict.DATA_LOST,
    "lost_span": Verdict.DATA_LOST,
}

Finding = tuple[Verdict, str]


def judge_trial(
    record: TrialRecord, experiment: ExperimentRecord, timeline: Timeline
) -> TrialJudgement:
    """The judgement over one trial. Pure: the same facts and evidence, the same words."""
    series = Series(timeline)
    measures = measure_all(series)
    checks = tuple(check_budget(budget, measures) for budget in experiment.budgets)
    acts = acts_of(series, [healer.name for healer in experiment.healers])
    draft = TrialJudgement(
        verdict=Verdict.HARNESS_ERROR,
        reason="",
        measures=measures,
        checks=checks,
        acts=acts,
        ledger=ledger_facts(series),
    )
    verdict, reason = (
        why_void(record, series)
        or _unseen(record, series)
        or below_floor(experiment, acts)
        or _against(draft, experiment, series)
        or _untold(record, draft)
        or _in_favour(record, draft, series)
    )
    return replace(draft, verdict=verdict, reason=reason)


def check_budget(budget: Budget, measures: tuple[Measured, ...]) -> BudgetCheck:
    """One budget against its measure, by the worse end of the interval."""
    measure = catalogue().get(budget.measure)
    taken = next((one for one in measures if one.measure == budget.measure), None)
    if measure is None or taken is None:
        why = NO_LEDGER if measure is not None else "this version cannot measure it"
        nothing = Measured(measure=budget.measure, unit=Unit.COUNT, note=why)
        return BudgetCheck(budget=budget, measured=nothing, kept=None)
    return BudgetCheck(
        budget=budget, measured=taken, kept=keeps(taken, budget.bound, measure.sense)
    )


def _unseen(record: TrialRecord, series: Series) -> Finding | None:
    """An effect that nobody proved and nobody saw says nothing about the system."""
    if series.proven or series.impact or noticed(series, record.picked):
        return None
    return Verdict.FAULT_NOT_APPLIED, "nothing was seen to happen"


def _against(draft: TrialJudgement, experiment: ExperimentRecord, series: Series) -> Finding | None:
    """Evidence against the system, the worst first."""
    if not_healed := _not_healed(draft):
        return Verdict.NOT_HEALED, not_healed
    broken = {
        verdict: "; ".join(missed(check) for check in checks)
        for verdict, checks in _missed_by_verdict(draft.checks).items()
    }
    if Verdict.DATA_LOST in broken:
        return Verdict.DATA_LOST, broken[Verdict.DATA_LOST]
    happened = series.impact or bool(series.marks_of(MarkKind.DETECTED))
    wrong = wrong_healer(draft.acts, experiment.healed_by, something_happened=happened)
    if wrong:
        return Verdict.WRONG_HEALER, wrong
    late = (Verdict.TOO_SLOW, Verdict.OVER_BUDGET)
    return next(((verdict, broken[verdict]) for verdict in late if verdict in broken), None)


def _not_healed(draft: TrialJudgement) -> str:
    """How users were left behind, whichever connections they had; empty when they were not."""
    for name, prefix in (("recovery", ""), ("kept_recovery", "over kept connections: ")):
        found = draft.measured(name)
        if found is not None and (found.censored or found.after_lift):
            return prefix + recovered(found)
    return ""


def _missed_by_verdict(checks: tuple[BudgetCheck, ...]) -> dict[Verdict, list[BudgetCheck]]:
    found: dict[Verdict, list[BudgetCheck]] = {}
    for check in checks:
        if check.kept is False:
            verdict = _MISSED.get(check.budget.measure, Verdict.OVER_BUDGET)
            found.setdefault(verdict, []).append(check)
    return found


def _untold(record: TrialRecord, draft: TrialJudgement) -> Finding | None:
    """What keeps a trial without evidence against it from counting for the system."""
    if not draft.checks:
        return Verdict.HARNESS_ERROR, "the experiment has no budgets: nothing can pass"
    unknown = [check for check in draft.checks if check.kept is None]
    if unknown:
        said = "; ".join(f"{one.budget.measure}: {one.measured.note}" for one in unknown)
        return Verdict.OBSERVER_LATE, f"a budget cannot be checked: {said}"
    if record.chaostoolkit.get("steady_after") is False:
        said = "Chaos Toolkit's steady-state hypothesis was not met after the watch"
        return Verdict.NOT_HEALED, said
    return None


def _in_favour(record: TrialRecord, draft: TrialJudgement, series: Series) -> Finding:
    """Every budget was kept: how was that?"""
    if series.impact:
        recovery = draft.measured("recovery")
        return Verdict.HEALED, recovered(recovery) if recovery else Verdict.HEALED.meaning
    if series.kept is not None and series.kept.impact:
        return Verdict.HEALED, "kept connections were hit, new ones were not"
    by = noticed(series, record.picked)
    proactive = _acted_before(draft.acts, series)
    if proactive and series.proven:
        return Verdict.PREVENTED, f"{proactive} acted before the fault was in effect"
    who = f"noticed by {by}" if by else "nobody noticed a fault that was in effect"
    return Verdict.MASKED, f"users saw nothing; {who}"


def _acted_before(acts: tuple[Act, ...], series: Series) -> str:
    """The healer that acted between the order and the effect, if one did."""
    declared = {act.healer for act in acts}
    for mark in series.marks_of(MarkKind.ACTED):
        if mark.source in declared and mark.at_ns < (series.effect_ns or 0):
            return mark.source
    return ""
