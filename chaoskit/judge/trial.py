"""One trial: what its evidence says, the worst first.

void (ours, or below a healer's floor) > not_healed > data_lost > wrong_healer > too_slow > over_budget
> a budget that cannot be told > prevented > masked > healed
"""

from dataclasses import replace

from chaoskit.judge.floors import below_floor
from chaoskit.judge.ledger import ledger_facts
from chaoskit.judge.validity import told_too_little, why_void
from chaoskit.judge.wording import missed, recovered
from chaoskit.measures.attribution import acts_of, noticed, wrong_healer
from chaoskit.measures.base import NO_LEDGER, catalogue, keeps, measure_all
from chaoskit.measures.series import Series
from chaoskit.model.experiment import Budget
from chaoskit.model.journal import (
    BudgetCheck,
    ExperimentRecord,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.quantities import format_duration
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
        or told_too_little(series, experiment)
        or _unseen(record, series)
        or below_floor(experiment, acts)
        or _against(draft, experiment, series)
        or _untold(record, draft, series)
        or _in_favour(record, draft, experiment, series)
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
    """An effect that nobody proved and nobody saw says nothing about the system.

    Nor does a watch that ended before the harm was due of which the experiment itself tells.
    """
    effects = series.timeline.of(MarkKind.IN_EFFECT)
    due = [int(one.data["harm_due_ns"]) for one in effects if one.data.get("harm_stated")]
    late_ns = max(due, default=0) - series.watch_end_ns
    if due and late_ns > 0 and not series.impact:
        after = format_duration(late_ns / NS)
        return Verdict.FAULT_NOT_APPLIED, f"its harm was due {after} after the watch had ended"
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


def _untold(record: TrialRecord, draft: TrialJudgement, series: Series) -> Finding | None:
    """What keeps a trial without evidence against it from counting for the system."""
    if not draft.checks:
        return Verdict.HARNESS_ERROR, "the experiment has no budgets: nothing can pass"
    unknown = [check for check in draft.checks if check.kept is None]
    if unknown:
        said = "; ".join(f"{one.budget.measure}: {one.measured.note}" for one in unknown)
        return Verdict.OBSERVER_LATE, f"a budget cannot be checked: {said}"
    if record.chaostoolkit.get("steady_after") is False:
        said = "Chaos Toolkit's steady-state hypothesis was not met after the watch"
        broken = bool(series.timeline.of(MarkKind.GAP))
        ours = f"{said}, and our own way to the target had broken"
        return (Verdict.OBSERVER_LATE, ours) if broken else (Verdict.NOT_HEALED, said)
    return None


def _in_favour(
    record: TrialRecord, draft: TrialJudgement, experiment: ExperimentRecord, series: Series
) -> Finding:
    """Every budget was kept: how was that?"""
    if series.impact:
        recovery = draft.measured("recovery")
        return Verdict.HEALED, recovered(recovery) if recovery else Verdict.HEALED.meaning
    if series.kept is not None and series.kept.impact:
        return Verdict.HEALED, "kept connections were hit, new ones were not"
    by = noticed(series, record.picked)
    if prevented := _prevented({act.healer for act in draft.acts}, experiment.healed_by, series):
        return Verdict.PREVENTED, prevented
    who = f"noticed by {by}" if by else "nobody noticed a fault that was in effect"
    return Verdict.MASKED, f"users saw nothing; {who}"


def _prevented(declared: set[str], named: tuple[str, ...], series: Series) -> str:
    """Who acted between the order and the effect, or between the effect and the harm."""
    for mark in series.marks_of(MarkKind.ACTED) if series.proven else ():
        if mark.source in declared and mark.at_ns < (series.effect_ns or 0):
            return f"{mark.source} acted before the fault was in effect"
    return _forestalled(declared, named, series)


def _forestalled(declared: set[str], named: tuple[str, ...], series: Series) -> str:
    """Who was in time before every harm that was due in the watch; empty when nobody was."""
    growing = [one for one in series.marks_of(MarkKind.IN_EFFECT) if "harm_due_ns" in one.data]
    acts = [one for one in series.marks_of(MarkKind.ACTED) if one.source in declared]
    spare_ns, by = [], ""
    for effect in growing:
        due_ns = int(effect.data["harm_due_ns"])
        if effect.data.get("harm_stated"):
            found = _acted_after(effect, [one for one in acts if one.source in named])
        else:
            found = _ended(effect, due_ns, acts, series)
        if found is None or found[0] >= due_ns or due_ns > series.watch_end_ns:
            return ""
        spare_ns.append(due_ns - found[0])
        by = by or found[1]
    if not spare_ns:
        return ""
    return f"{by} acted {format_duration(min(spare_ns) / NS)} before harm was due"


def _acted_after(effect: Mark, acts: list[Mark]) -> tuple[int, str] | None:
    """When a named healer first acted on what was set off, and who that was.

    What harm is due, and what averts it, only the experiment knows: it has to name the healer.
    """
    return next(((one.at_ns, one.source) for one in acts if one.at_ns > effect.at_ns), None)


def _ended(effect: Mark, due_ns: int, acts: list[Mark], series: Series) -> tuple[int, str] | None:
    """When a fault that grows was ended before it did harm, and by whom.

    Somebody asked the engine to end the instance (a process that crashed, or that the kernel killed
    for want of memory, was not asked), and a healer had acted by then.
    """
    ends = [one for one in series.marks_of(MarkKind.ENGINE) if one.detail in {"kill", "stop"}]
    end = next((one for one in ends if _is_end(one, effect, due_ns)), None)
    act = next((one for one in acts if end and one.at_ns - one.resolution_ns <= end.at_ns), None)
    return (end.at_ns, act.source) if end and act else None


def _is_end(end: Mark, effect: Mark, due_ns: int) -> bool:
    return end.instance == effect.instance and effect.at_ns <= end.at_ns < due_ns
