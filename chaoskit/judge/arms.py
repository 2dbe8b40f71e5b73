"""Which judge an arm has: an arm with a healer switched off must fail, one without a fault must not.

Everything here is pure, so that a stored run of arms can be judged again like any other.
"""

from collections import Counter

from chaoskit.judge.control import judge_control
from chaoskit.judge.experiment import MOST_VOID, decided, judge_experiment
from chaoskit.judge.trial import judge_trial
from chaoskit.model.journal import (
    ExperimentJudgement,
    ExperimentRecord,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.proof import Arm, ArmKind
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict

_ENDS_IT = (Verdict.LIFT_FAILED, Verdict.HARNESS_ERROR, Verdict.INTERRUPTED)


def judge_one(
    record: TrialRecord, experiment: ExperimentRecord, timeline: Timeline
) -> TrialJudgement:
    """The judgement over one trial of an experiment, or of an arm of one."""
    if experiment.arm is not None and experiment.arm.faultless:
        return judge_control(record, experiment, timeline)
    return judge_trial(record, experiment, timeline)


def judge_all(experiment: ExperimentRecord) -> ExperimentJudgement:
    """What all trials of an experiment, or of an arm of one, say together."""
    if experiment.arm is None or experiment.arm.kind is ArmKind.ON:
        return judge_experiment(experiment)
    if experiment.arm.faultless:
        return _control(experiment)
    return _switched_off(experiment, experiment.arm)


def enough(experiment: ExperimentRecord) -> bool:
    """Whether the series is over. Every run without a fault is made: their share is told, too."""
    if experiment.arm is None or not experiment.arm.faultless:
        return decided(experiment)
    verdicts = [one.verdict for one in _judgements(experiment)]
    valid = sum(one.conclusive for one in verdicts)
    void = len(verdicts) - valid
    if set(_ENDS_IT) & set(verdicts) or valid >= experiment.runs:
        return True
    return len(verdicts) >= experiment.runs and void > MOST_VOID * (experiment.runs + void)


def _control(experiment: ExperimentRecord) -> ExperimentJudgement:
    """Clean when every run was; one false alarm is one too many."""
    judgements = _judgements(experiment)
    ours = next((one for one in judgements if one.verdict in _ENDS_IT), None)
    if ours is not None:
        return _told(ours.verdict, ours.reason, passed=False)
    valid = [one for one in judgements if one.verdict.conclusive]
    alarms = [one for one in valid if one.verdict is Verdict.FALSE_ALARM]
    counted = f"{len(valid) - len(alarms)} of {len(valid)} runs without a fault were clean"
    if alarms:
        said = f"{counted}; such as: {alarms[0].reason}"
        return _told(Verdict.FALSE_ALARM, said, passed=False)
    if len(valid) >= max(1, experiment.runs):
        return _told(Verdict.CLEAN, counted, passed=True)
    void = [one for one in judgements if not one.verdict.conclusive]
    counts = Counter(one.verdict for one in void)
    frequent = counts.most_common(1)[0][0] if void else Verdict.TOO_FEW_TRIALS
    why = next((one.reason for one in void if one.verdict is frequent), "")
    said = f"{counted}; {len(void)} tell nothing, such as: {why}" if void else counted
    return _told(frequent, said, passed=False)


def _switched_off(experiment: ExperimentRecord, arm: Arm) -> ExperimentJudgement:
    """Evidence against the system is what is wanted, when the healer is one that has to heal."""
    found = judge_experiment(experiment)
    without = f"without {arm.healer}"
    if not found.verdict.conclusive:
        return found
    if found.verdict.against:
        said = f"fails {without}: {found.sentence}"
    elif arm.required:
        said = f"does not fail {without}, which it says it needs: {found.sentence}"
    else:
        said = f"does not fail {without}: {found.sentence}"
    passed = found.verdict.against or not arm.required
    return ExperimentJudgement(verdict=found.verdict, passed=passed, sentence=said)


def _judgements(experiment: ExperimentRecord) -> list[TrialJudgement]:
    return [one.judgement for one in experiment.trials if one.judgement is not None]


def _told(verdict: Verdict, sentence: str, *, passed: bool) -> ExperimentJudgement:
    name = verdict.value.replace("_", " ")
    return ExperimentJudgement(verdict=verdict, passed=passed, sentence=f"{name}: {sentence}")
