"""One trial of the arm without a fault: whatever is seen in it was not the fault's doing.

The trial is measured as if something had been broken when its watch began. Pure, like the judgement
over a trial with a fault.
"""

from collections.abc import Iterator
from dataclasses import replace

from chaoskit.judge.ledger import ledger_facts
from chaoskit.judge.trial import check_budget
from chaoskit.judge.validity import Void, not_heard, observer
from chaoskit.judge.wording import missed
from chaoskit.measures.attribution import acts_of
from chaoskit.measures.base import LedgerMeasure, catalogue, measure_all
from chaoskit.measures.progress import baseline_is_steady
from chaoskit.measures.series import Series
from chaoskit.measures.strength import strength_after
from chaoskit.model.journal import BudgetCheck, ExperimentRecord, TrialJudgement, TrialRecord
from chaoskit.model.marks import Mark, MarkKind, sort_marks
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict

# They tell when something happened after a fault; without one there is no such time.
_NEED_A_FAULT = {"detection", "impact"}


def judge_control(
    record: TrialRecord, experiment: ExperimentRecord, timeline: Timeline
) -> TrialJudgement:
    """The judgement over a trial without a fault: clean, a false alarm, or we cannot tell.

    A false alarm is a bad ask, a loss of strength, a healer that noticed or acted, or a missed
    budget. With unknown asks in moderation, "clean" means that nothing that was known was bad.
    """
    series = Series(_as_if_broken(timeline))
    void = next(_void(record, series), None)
    measures = tuple(one for one in measure_all(series) if one.measure not in _NEED_A_FAULT)
    budgets = (one for one in experiment.budgets if one.measure not in _NEED_A_FAULT)
    checks = tuple(check_budget(one, measures) for one in budgets)
    late = tuple(missed(one) for one in checks if one.kept is False)
    alarms = (*_alarms(series), *(f"{one}, with no fault" for one in late))
    if void is not None:
        verdict, reason = void
    elif alarms:
        verdict, reason = Verdict.FALSE_ALARM, "; ".join(alarms)
    elif unread := _unread(checks):
        verdict, reason = Verdict.OBSERVER_LATE, unread
    else:
        verdict = Verdict.CLEAN
        watched = format_duration(series.watched_s)
        reason = f"{len(series.asks):,} asks in {watched} without a fault, none bad"
    return TrialJudgement(
        verdict=verdict,
        reason=reason,
        measures=measures,
        checks=checks,
        acts=acts_of(series, [healer.name for healer in experiment.healers]),
        ledger=ledger_facts(series),
    )


def _unread(checks: tuple[BudgetCheck, ...]) -> str:
    """What a ledger that says nothing leaves open: nobody knows that nothing was lost."""
    for one in checks:
        if one.kept is None and isinstance(catalogue().get(one.budget.measure), LedgerMeasure):
            return f"{one.budget.measure}: {one.measured.note}"
    return ""


def _as_if_broken(timeline: Timeline) -> Timeline:
    """The timeline with a zero for the measures: the watch's begin."""
    watches = [one for one in timeline.of(MarkKind.PHASE) if one.detail == "watch"]
    real = tuple(
        one for one in timeline.marks if one.kind not in {MarkKind.INJECTED, MarkKind.IN_EFFECT}
    )
    zeros = tuple(
        Mark(at_ns=one.at_ns, kind=MarkKind.IN_EFFECT, source="chaoskit", data={"proven": False})
        for one in watches[:1]
    )
    return replace(timeline, marks=sort_marks((*real, *zeros)))


def _void(record: TrialRecord, series: Series) -> Iterator[Void]:
    if record.trouble_verdict is not None:
        yield record.trouble_verdict, record.trouble or record.trouble_verdict.meaning
    if record.trouble:
        yield Verdict.HARNESS_ERROR, record.trouble
    if record.chaostoolkit.get("steady_before") is False:
        said = "Chaos Toolkit's steady-state hypothesis was not met before the watch"
        yield Verdict.BASELINE_NOT_MET, said
    if series.timeline.watch_end_ns is None or series.effect_ns is None:
        yield Verdict.INTERRUPTED, "the trial ended during the watch"
    yield from observer(series)
    yield from not_heard(series)
    steady, found = baseline_is_steady(series.timeline, series.end_ns)
    if not steady:
        yield Verdict.BASELINE_NOT_MET, f"before the watch, {found}"
    if record.mechanisms:
        yield Verdict.HARNESS_ERROR, "a fault was done in the arm that must have none"


def _alarms(series: Series) -> Iterator[str]:
    """Everything that was seen although nothing had been broken."""
    if series.impact:
        asked, bad = len(series.state), len(series.bad)
        yield f"{bad:,} of {asked:,} rounds were bad although nothing was broken"
    for mark, weak in strength_after(series.timeline.of(MarkKind.REDUNDANCY)):
        if weak and not mark.data.get("silent") and mark.at_ns <= series.watch_end_ns:
            yield f"strength was lost although nothing was broken: {', '.join(weak)}"
            break
    noticed = series.marks_of(MarkKind.DETECTED, MarkKind.ACTED)
    if noticed:
        yield f"{noticed[0].source or 'a healer'} noticed something: {noticed[0].detail}"
