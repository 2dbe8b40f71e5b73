"""All trials of an experiment: does the plan hold, and what may be claimed?"""

from collections import Counter

from chaoskit.judge.wording import claim_of, sentence
from chaoskit.model.journal import (
    ExperimentJudgement,
    ExperimentRecord,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.verdict import Verdict
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
    return ExperimentJudgement(verdict=verdict, passed=passed, sentence=said, claim=strongest)


def decided(experiment: ExperimentRecord) -> bool:
    """Whether no further trial can change the verdict: the plan holds already, or cannot any more.

    What was left behind, or is a defect of ours, also ends the series.
    """
    verdicts = [one.verdict for one in _judgements(experiment.trials)]
    if {Verdict.LIFT_FAILED, Verdict.HARNESS_ERROR, Verdict.INTERRUPTED} & set(verdicts):
        return True
    kept = sum(one.good for one in verdicts)
    missed = sum(one.against for one in verdicts)
    return is_decided(experiment.runs, experiment.allow, kept=kept, missed=missed)


def _judgements(trials: tuple[TrialRecord, ...]) -> list[TrialJudgement]:
    return [one.judgement for one in trials if one.judgement is not None]


def _verdict(experiment: ExperimentRecord, judgements: list[TrialJudgement]) -> tuple[Verdict, str]:
    """The verdict, and for an inconclusive one the reason in words."""
    ours = _first(judgements, Verdict.LIFT_FAILED) or _first(judgements, Verdict.HARNESS_ERROR)
    good = [one.verdict for one in judgements if one.verdict.good]
    against = [one.verdict for one in judgements if one.verdict.against]
    if ours is not None:
        return ours.verdict, ours.reason
    if len(against) > experiment.allow:
        return _most_frequent(against), ""
    enough = len(good) >= max(1, experiment.runs - experiment.allow)
    void = len(judgements) - len(good) - len(against)
    if enough and void <= MOST_VOID * len(judgements):
        return next(one for one in _WEAKEST_FIRST if one in good), ""
    return _inconclusive(experiment, judgements)


def _inconclusive(
    experiment: ExperimentRecord, judgements: list[TrialJudgement]
) -> tuple[Verdict, str]:
    """The reason that most void trials share, when it is they that are to blame."""
    void = [one for one in judgements if not one.verdict.conclusive]
    valid = len(judgements) - len(void)
    why = f"{valid} valid of the {experiment.runs} trials that the plan needs"
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
