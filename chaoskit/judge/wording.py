"""Verdicts in words: the sentence is read more often than any table."""

from statistics import median

from chaoskit.model.journal import BudgetCheck, ExperimentRecord, TrialJudgement
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict
from chaoskit.stats.plans import CONFIDENCE, claim, percent


def number(value: float, unit: Unit) -> str:
    """A value of a measure, for people."""
    if unit is Unit.SECONDS:
        return format_duration(value)
    if unit is Unit.RATIO:
        return f"{100 * value:.4g} %"
    return f"{value:g}"


def amount(measured: Measured) -> str:
    """A measure's interval, for people; the worse end is the one that counts."""
    if measured.low is None:
        return "unknown"
    if measured.censored or measured.high is None:
        return f"more than {number(measured.low, measured.unit)}"
    low, high = number(measured.low, measured.unit), number(measured.high, measured.unit)
    return high if low == high else f"{low} to {high}"


def recovered(recovery: Measured) -> str:
    """What became of the service."""
    if recovery.censored:
        return f"no recovery within {number(recovery.low or 0.0, recovery.unit)}"
    if recovery.after_lift:
        return (
            f"recovered only after the fault had been lifted, {amount(recovery)} after its effect"
        )
    flaps = f", {recovery.note}" if recovery.note else ""
    return f"recovered in {amount(recovery)}{flaps}"


def missed(check: BudgetCheck) -> str:
    """How a budget was missed."""
    if check.budget.measure == "lost_writes" and check.measured.note:
        return f"{check.measured.note}, budget {check.budget.text}"
    name = check.budget.measure.replace("_", " ")
    late = " only after the fault had been lifted" if check.measured.after_lift else ""
    return f"{name} was {amount(check.measured)}{late}, budget {check.budget.text}"


def sentence(
    experiment: ExperimentRecord, verdict: Verdict, judged: list[TrialJudgement], *, passed: bool
) -> str:
    """The whole verdict of the valid trials in one sentence: what, numbers, budget, confidence."""
    name = verdict.value.replace("_", " ")
    parts = [f"{name}: {_numbers(verdict, judged)}"]
    budget = next((one for one in experiment.budgets if one.measure == "recovery"), None)
    if budget is not None and verdict in {Verdict.HEALED, Verdict.NOT_HEALED}:
        parts[0] += f", budget {budget.text}"
    if verdict.good:
        misses = sum(one.verdict.against for one in judged)
        if misses:
            parts.append(f"{misses} of {len(judged)} trials missed, {experiment.allow} allowed")
        parts.append(claim_of(experiment, judged))
    if experiment.expect is not None:
        parts.append("as expected" if passed else f"expected was {_name(experiment.expect)}")
    return "; ".join(parts)


def claim_of(experiment: ExperimentRecord, judged: list[TrialJudgement]) -> str:
    """The strongest claim in words; trials that a decided plan left out count as missed.

    An e-process proves the share that it was asked about and no more, because it stopped for it.
    """
    if not judged:
        return ""
    kept = sum(one.verdict.good for one in judged)
    asked = experiment.claim
    if experiment.until_decided and asked is not None:
        missed = f", {len(judged) - kept} missed" if kept < len(judged) else ""
        return (
            f"{_promise(experiment)} in at least {percent(asked.share)} of cases, "
            f"{percent(asked.confidence)} confidence, {len(judged)} trials{missed}, "
            "stopped when decided"
        )
    trials = max(experiment.runs, len(judged))
    confidence = CONFIDENCE if asked is None else asked.confidence
    return f"{_promise(experiment)} {claim(trials, trials - kept, confidence)}"


def _promise(experiment: ExperimentRecord) -> str:
    """What was kept."""
    recovery = next((one for one in experiment.budgets if one.measure == "recovery"), None)
    others = len(experiment.budgets) - (recovery is not None)
    if recovery is None:
        return "keeps its budget" if others == 1 else "keeps all budgets"
    within = f"recovers within {format_duration(recovery.bound)}"
    if not others:
        return within
    return f"{within} and keeps every other budget"


def _name(verdict: Verdict) -> str:
    return verdict.value.replace("_", " ")


def _numbers(verdict: Verdict, judged: list[TrialJudgement]) -> str:
    mine = [one for one in judged if one.verdict is verdict]
    count = f"{len(mine)} of {len(judged)} trials" if len(judged) > 1 else ""
    if verdict is Verdict.HEALED:
        return _recoveries([one for one in judged if one.verdict.good])
    if verdict.good:
        asked = f"users saw nothing in {len(mine)} trial{'s' if len(mine) != 1 else ''}"
        return f"{asked}; {mine[0].reason.removeprefix('users saw nothing; ')}"
    worst = mine[0].reason if mine else verdict.meaning
    return f"{worst} ({count})" if count else worst


def _recoveries(judged: list[TrialJudgement]) -> str:
    found = [one.measured("recovery") for one in judged]
    highs = [one.high for one in found if one is not None and one.high is not None]
    middles = [one.middle for one in found if one is not None and one.middle is not None]
    if not highs:
        return "every budget was kept"
    if len(highs) == 1:
        return f"recovered in {format_duration(highs[0])}"
    return (
        f"recovered in {format_duration(median(middles))} "
        f"(median of {len(middles)}, worst {format_duration(max(highs))})"
    )
