"""One number out of many trials: the median for what is usual, the worst for what is judged.

A measure is an interval. The median is taken over the middles; the worst is the worse end of the
worst trial, because that is what a budget was held against.
"""

import math
from dataclasses import dataclass

from chaoskit.measures.base import catalogue
from chaoskit.model.experiment import Budget
from chaoskit.model.journal import BudgetCheck, ExperimentRecord, TrialJudgement
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.reporters.wording import UNKNOWN, value_text

HEADLINE_MEASURES = ("detection", "recovery", "redundancy")


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One trial's value of a measure, in the measure's unit."""

    trial: int
    value: float
    censored: bool
    after_lift: bool
    kept: bool | None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measure over all trials of an experiment, against its budget."""

    measure: str
    label: str
    unit: Unit
    budget: Budget | None
    median: str
    worst: str
    margin: str  # how far the worst trial stayed from the bound; signed
    kept: bool | None  # by as many trials as the plan asks; None when one could not be told
    kept_count: int
    known_count: int
    dots: tuple[Dot, ...]

    @property
    def bound_text(self) -> str:
        """The budget as a relation: `≤ 2s`."""
        if self.budget is None:
            return UNKNOWN
        return f"{'≥' if sense_of(self.measure) is Sense.AT_LEAST else '≤'} {self.budget.text}"


def label_of(measure: str) -> str:
    """A measure's name as a heading; a stored run may hold measures that we do not know."""
    known = catalogue().get(measure)
    return known.title if known else measure.replace("_", " ").capitalize()


def sense_of(measure: str) -> Sense:
    """Which way is better."""
    known = catalogue().get(measure)
    return known.sense if known else Sense.AT_MOST


def judged(experiment: ExperimentRecord) -> tuple[tuple[int, TrialJudgement], ...]:
    """The trials that say something about the system, with their numbers."""
    return tuple(
        (trial.index, trial.judgement)
        for trial in experiment.trials
        if trial.judgement is not None and trial.judgement.verdict.conclusive
    )


def budget_figures(experiment: ExperimentRecord) -> tuple[Figure, ...]:
    """One figure for each budget, in the order of the file."""
    return tuple(figure(experiment, budget.measure) for budget in experiment.budgets)


def figure(experiment: ExperimentRecord, measure: str) -> Figure:
    """A measure over the judged trials, with its budget when it has one."""
    budget = next((one for one in experiment.budgets if one.measure == measure), None)
    checks = [_check(judgement, measure) for _, judgement in judged(experiment)]
    dots = _dots(experiment, measure)
    unit = _unit(experiment, measure)
    kept = [one.kept for one in checks if one is not None]
    worst = _worst(dots, sense_of(measure))
    return Figure(
        measure=measure,
        label=label_of(measure),
        unit=unit,
        budget=budget,
        median=_median_text(experiment, measure, unit),
        worst=_dot_text(worst, unit),
        margin=_margin_text(worst, budget, unit),
        kept=_kept(kept, experiment.allow),
        kept_count=sum(one is True for one in kept),
        known_count=sum(one is not None for one in kept),
        dots=dots,
    )


def worst_of(experiment: ExperimentRecord, measure: str) -> Measured | None:
    """A measure in the trial that did worst, over the judged trials; None when none has it."""
    worst = _worst(_dots(experiment, measure), sense_of(measure))
    found = dict(judged(experiment))
    return found[worst.trial].measured(measure) if worst is not None else None


def worse_end(measured: Measured) -> float | None:
    """The end of the interval that a verdict uses; a censored measure has only its low end."""
    if measured.censored or sense_of(measured.measure) is Sense.AT_LEAST:
        return measured.low
    return measured.high


def _kept(kept: list[bool | None], allow: int) -> bool | None:
    """Missed by more trials than the plan allows; else kept, when every trial could be told."""
    if kept.count(False) > allow:
        return False
    return True if kept and None not in kept else None


def _check(judgement: TrialJudgement, measure: str) -> BudgetCheck | None:
    return next((one for one in judgement.checks if one.budget.measure == measure), None)


def _dots(experiment: ExperimentRecord, measure: str) -> tuple[Dot, ...]:
    dots = []
    for index, judgement in judged(experiment):
        measured = judgement.measured(measure)
        value = worse_end(measured) if measured else None
        if measured is None or value is None or not math.isfinite(value):
            continue
        check = _check(judgement, measure)
        kept = check.kept if check else None
        dots.append(
            Dot(
                trial=index,
                value=value,
                censored=measured.censored,
                after_lift=measured.after_lift,
                kept=kept,
            )
        )
    return tuple(dots)


def _unit(experiment: ExperimentRecord, measure: str) -> Unit:
    found = (judgement.measured(measure) for _, judgement in judged(experiment))
    units = [one.unit for one in found if one]
    return units[0] if units else Unit.SECONDS


def _rank(dot: Dot) -> tuple[bool, bool, float]:
    return dot.censored, dot.after_lift, dot.value


def _worst(dots: tuple[Dot, ...], sense: Sense) -> Dot | None:
    if not dots:
        return None
    return min(dots, key=_rank) if sense is Sense.AT_LEAST else max(dots, key=_rank)


def _dot_text(dot: Dot | None, unit: Unit) -> str:
    if dot is None:
        return UNKNOWN
    text = ("> " if dot.censored else "") + value_text(dot.value, unit)
    return f"{text} after lift" if dot.after_lift else text


def _median_text(experiment: ExperimentRecord, measure: str, unit: Unit) -> str:
    """The median of the middles; what came after the lift, or never, is later than all else."""
    values: list[tuple[bool, bool, float]] = []
    for _, judgement in judged(experiment):
        measured = judgement.measured(measure)
        value = None
        if measured is not None:
            value = measured.low if measured.censored else measured.middle
        if measured is not None and value is not None:
            values.append((measured.censored, measured.after_lift, value))
    if not values:
        return UNKNOWN
    values.sort()
    lower, upper = values[(len(values) - 1) // 2], values[len(values) // 2]
    if upper[0]:
        return f"> {value_text(lower[2], unit)}"
    text = value_text((lower[2] + upper[2]) / 2, unit)
    return f"{text} after lift" if upper[1] else text


def _margin_text(worst: Dot | None, budget: Budget | None, unit: Unit) -> str:
    if worst is None or budget is None:
        return UNKNOWN
    if worst.after_lift:
        return "not before the lift"
    at_least = sense_of(budget.measure) is Sense.AT_LEAST
    margin = worst.value - budget.bound if at_least else budget.bound - worst.value
    if worst.censored and margin > 0:
        return UNKNOWN  # not seen to end, so how much is left is not known
    size = (
        f"{abs(margin) * 100:.3g} points" if unit is Unit.RATIO else value_text(abs(margin), unit)
    )
    beyond = "< " if worst.censored else ""
    sign = "−" if margin < 0 else "" if worst.censored else "+"
    return f"{beyond}{sign}{size}"
