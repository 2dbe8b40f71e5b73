"""All trials of an experiment: does the plan hold, and what may be claimed?"""

import math
from collections import Counter

from chaoskit.judge.error_budget import error_budget
from chaoskit.judge.floors import floor_records, phase_locked
from chaoskit.judge.wording import claim_of, sentence
from chaoskit.model.journal import (
    ExperimentJudgement,
    ExperimentRecord,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.verdict import Verdict
from chaoskit.stats.eprocess import Decision, process_for
from chaoskit.stats.independence import trend, worth_s
from chaoskit.stats.plans import is_decided

# Of verdicts that were reached equally often, the first one here is the experiment's.
_WORST_FIRST = (
    Verdict.DATA_LOST,
    Verdict.NOT_HEALED,
    Verdict.WRONG_HEALER,
    Verdict.TOO_SLOW,
    Verdict.OVER_BUDGET,
)
# The weakest good verdict speaks for all trials.
_WEAKEST_FIRST = (Verdict.HEALED, Verdict.MASKED, Verdict.PREVENTED)

MOST_VOID = 0.2  # of all trials; more, and something is wrong with the arrangement

# What shows first that one trial changed the next: users' recovery, or full strength behind them.
_DRIFTING = ("recovery", "redundancy")


def judge_experiment(experiment: ExperimentRecord) -> ExperimentJudgement:
    """What all judged trials say together, held against the plan and the expectation.

    Passed when the verdict is good; with `expect`, when and only when it is exactly that verdict.
    """
    judgements = _judgements(experiment.trials)
    valid = [one for one in judgements if one.verdict.conclusive]
    verdict, why = _verdict(experiment, judgements)
    passed = verdict.good if experiment.expect is None else verdict is experiment.expect
    passed = passed and verdict.conclusive
    said = sentence(experiment, verdict, valid, passed=passed)
    if why:
        said = f"{verdict.value.replace('_', ' ')}: {why}"
    strongest = claim_of(experiment, valid) if verdict.good else ""
    return ExperimentJudgement(
        verdict=verdict,
        passed=passed,
        sentence=said,
        claim=strongest,
        floors=floor_records(experiment, valid),
        error_budget=error_budget(experiment.slo, valid),
    )


def decided(experiment: ExperimentRecord) -> bool:
    """Whether no further trial can change the verdict: the plan holds already, or cannot any more.

    What was left behind, or is a defect of ours, also ends the series; and so do more void trials
    than a series may have, once all planned ones were made.
    """
    verdicts = [one.verdict for one in _judgements(experiment.trials)]
    if {Verdict.LIFT_FAILED, Verdict.HARNESS_ERROR, Verdict.INTERRUPTED} & set(verdicts):
        return True
    kept = [one.good for one in verdicts if one.conclusive]
    void = len(verdicts) - len(kept)
    if len(verdicts) >= experiment.runs and void > MOST_VOID * (experiment.runs + void):
        return True
    return _outcome(experiment, kept) is not Decision.OPEN or len(kept) >= experiment.runs > 0


def _outcome(experiment: ExperimentRecord, kept: list[bool]) -> Decision:
    """What the plan says about the valid trials, in their order: budgets kept, or not."""
    if experiment.until_decided and experiment.claim is not None:
        process = process_for(experiment.claim.share, experiment.claim.confidence)
        return process.decide(kept[: experiment.runs])[0]
    missed = len(kept) - sum(kept)
    if not is_decided(experiment.runs, experiment.allow, kept=sum(kept), missed=missed):
        return Decision.OPEN
    if missed > experiment.allow:
        return Decision.REFUTED
    return Decision.PROVEN if kept else Decision.OPEN


def _judgements(trials: tuple[TrialRecord, ...]) -> list[TrialJudgement]:
    return [one.judgement for one in trials if one.judgement is not None]


def _verdict(experiment: ExperimentRecord, judgements: list[TrialJudgement]) -> tuple[Verdict, str]:
    """The verdict, and for an inconclusive one the reason in words."""
    ours = _first(judgements, Verdict.LIFT_FAILED) or _first(judgements, Verdict.HARNESS_ERROR)
    if ours is not None:
        return ours.verdict, ours.reason
    valid = [one for one in judgements if one.verdict.conclusive]
    if contaminated := _contaminated(experiment, valid):
        return Verdict.TOO_FEW_TRIALS, f"the trials are not independent: {contaminated}"
    return _by_plan(experiment, judgements, valid)


def _by_plan(
    experiment: ExperimentRecord, judgements: list[TrialJudgement], valid: list[TrialJudgement]
) -> tuple[Verdict, str]:
    outcome = _outcome(experiment, [one.verdict.good for one in valid])
    if outcome is Decision.REFUTED:
        return _most_frequent([one.verdict for one in valid if one.verdict.against]), ""
    void = len(judgements) - len(valid)
    if outcome is Decision.PROVEN and void <= MOST_VOID * len(judgements):
        good = {one.verdict for one in valid}
        return next(one for one in _WEAKEST_FIRST if one in good), ""
    return _inconclusive(experiment, judgements)


def _contaminated(experiment: ExperimentRecord, valid: list[TrialJudgement]) -> str:
    """How one trial reached into the next, or into a healer's timer; empty when it is not seen."""
    for name in _DRIFTING:
        found = [one.measured(name) for one in valid]
        # What was not seen to end comes after everything that was.
        values = [
            math.inf if one.censored or one.high is None else one.high
            for one in found
            if one is not None and one.low is not None
        ]
        if len(set(values)) > 1:
            drift = trend(values, least=worth_s(values, 1 / experiment.rate_hz))
            return f"{name}: {drift}" if drift else phase_locked(experiment, valid)
    return phase_locked(experiment, valid)


def _inconclusive(
    experiment: ExperimentRecord, judgements: list[TrialJudgement]
) -> tuple[Verdict, str]:
    """The reason that most void trials share, when it is they that are to blame."""
    void = [one for one in judgements if not one.verdict.conclusive]
    valid = len(judgements) - len(void)
    why = f"{valid} valid of the {experiment.runs} trials that the plan needs"
    if experiment.until_decided and valid >= experiment.runs:
        why = f"{valid} trials did not decide it either way"
    if not void:
        return Verdict.TOO_FEW_TRIALS, why
    frequent = Counter(one.verdict for one in void).most_common(1)[0][0]
    blamed = _first(void, Verdict.INTERRUPTED) or _first(void, frequent) or void[0]
    if blamed.verdict is Verdict.INTERRUPTED or not valid:
        return blamed.verdict, blamed.reason
    told_nothing = f"{len(void)} of {len(judgements)} trials tell nothing, such as: {blamed.reason}"
    if valid >= experiment.runs - experiment.allow:
        return frequent, told_nothing
    return Verdict.TOO_FEW_TRIALS, f"{why}; {told_nothing}"


def _first(judgements: list[TrialJudgement], verdict: Verdict) -> TrialJudgement | None:
    return next((one for one in judgements if one.verdict is verdict), None)


def _most_frequent(against: list[Verdict]) -> Verdict:
    counts = Counter(against)
    return max(_WORST_FIRST, key=lambda one: (counts[one], -_WORST_FIRST.index(one)))
