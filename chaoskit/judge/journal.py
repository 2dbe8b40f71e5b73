"""A whole run: every trial and experiment judged anew from the evidence, and the one exit code."""

from collections.abc import Callable
from dataclasses import replace

from chaoskit.errors import Exit
from chaoskit.judge.arms import judge_all, judge_one
from chaoskit.judge.proof import proofs_of
from chaoskit.model.journal import ExperimentRecord, Journal, TrialRecord
from chaoskit.model.proof import ProofState
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import worst_exit

_SIGNALS = {"SIGINT": Exit.SIGINT, "SIGTERM": Exit.SIGTERM}

_PROOFS = {
    ProofState.FAILED: Exit.EVIDENCE_AGAINST,
    ProofState.UNPROVEN: Exit.INCONCLUSIVE,
}

TimelineOf = Callable[[ExperimentRecord, TrialRecord], Timeline]


def judge_journal(journal: Journal, timeline_of: TimelineOf) -> Journal:
    """The same journal with every judgement, and the exit code, made from the evidence."""
    experiments = tuple(_judged(one, timeline_of) for one in journal.experiments)
    judged = replace(journal, experiments=experiments)
    return replace(judged, exit_code=int(exit_code_of(judged)))


def exit_code_of(journal: Journal) -> Exit:
    """7 over a signal over 6, 4, 1, 3. A journal that was never finished is at best inconclusive."""
    codes = [_exit_of(one) for one in journal.experiments]
    codes += [_PROOFS[one.state] for one in proofs_of(journal) if one.state in _PROOFS]
    if not journal.ended_wall:
        codes.append(Exit.INCONCLUSIVE)
    if journal.trouble:
        codes.append(Exit(journal.trouble_exit or Exit.HARNESS))
    if journal.left_behind or Exit.LEFT_BEHIND in codes:
        return Exit.LEFT_BEHIND
    if journal.interrupted_by:
        return _SIGNALS.get(journal.interrupted_by, Exit.SIGTERM)
    worst = worst_exit(codes)
    return worst if worst is not Exit.PASS else max(codes, default=Exit.NOTHING_SELECTED)


def _judged(experiment: ExperimentRecord, timeline_of: TimelineOf) -> ExperimentRecord:
    trials = tuple(
        replace(one, judgement=judge_one(one, experiment, timeline_of(experiment, one)))
        for one in experiment.trials
    )
    experiment = replace(experiment, trials=trials)
    return replace(experiment, judgement=judge_all(experiment))


def _exit_of(experiment: ExperimentRecord) -> Exit:
    judgement = experiment.judgement
    if judgement is None:
        return Exit.INCONCLUSIVE
    if judgement.passed:
        return Exit.PASS
    if judgement.verdict.conclusive:
        return Exit.EVIDENCE_AGAINST
    return judgement.verdict.exit_code
