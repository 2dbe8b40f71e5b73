"""The five principles of self-healing, each with a grade and the experiments that it rests on.

A principle is a question that some experiments ask. The grade is arithmetic over their answers and
nothing else, so that a reader can do it again: docs/report.md has the rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chaoskit.model.journal import ExperimentRecord
from chaoskit.model.proof import ArmKind, ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.figures import figure, judged
from chaoskit.reporters.proof_words import state_of
from chaoskit.reporters.wording import Result, plural

FELT = (  # measures of what users feel
    "recovery",
    "kept_recovery",
    "first_good",
    "availability",
    "outage",
    "longest_outage",
    "weighted_outage",
    "degraded",
    "latency_p50",
    "latency_p90",
    "latency_p99",
)
GROWING = {"memory_leak", "disk_leak", "certificate_expiry"}  # faults that announce themselves


class Grade(StrEnum):
    """How well a principle holds."""

    A = "A"  # every answer is yes, and every experiment behind it can fail
    B = "B"  # every answer is yes
    C = "C"  # at least half
    D = "D"  # some
    F = "F"  # none
    UNTOLD = "?"  # asked, and no answer
    NOT_TRIED = "–"

    @property
    def result(self) -> Result:
        """The tone that it is shown in."""
        return _TONES[self]


_TONES = {
    Grade.A: Result.PASSED,
    Grade.B: Result.PASSED,
    Grade.C: Result.INCONCLUSIVE,
    Grade.D: Result.FAILED,
    Grade.F: Result.FAILED,
    Grade.UNTOLD: Result.INCONCLUSIVE,
    Grade.NOT_TRIED: Result.INCONCLUSIVE,
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one experiment says to a principle's question."""

    record: ExperimentRecord
    yes: bool | None  # None: it was asked, and nothing was learnt


@dataclass(frozen=True, kw_only=True)
class Principle:
    """One principle, its grade, and its evidence."""

    name: str
    question: str
    grade: Grade
    words: str
    answers: tuple[Answer, ...]


def principles(records: Sequence[ExperimentRecord]) -> tuple[Principle, ...]:
    """All five, in a fixed order. Experiments of a system that was tampered with are no evidence."""
    whole = [one for one in records if one.arm is None or one.arm.kind is ArmKind.ON]
    return tuple(_principle(name, question, whole) for name, question in _QUESTIONS.items())


def grade_of(answers: Sequence[Answer]) -> Grade:
    """The rule; see docs/report.md."""
    told = [one for one in answers if one.yes is not None]
    if not told:
        return Grade.UNTOLD if answers else Grade.NOT_TRIED
    yes = sum(bool(one.yes) for one in told)
    if yes == len(told):
        proven = all(state_of(one.record.proof) is ProofState.PROVEN for one in told)
        return Grade.A if proven and len(told) == len(answers) else Grade.B
    if 2 * yes >= len(told):
        return Grade.C
    return Grade.D if yes else Grade.F


_Ask = Callable[[ExperimentRecord], bool | None]
_Question = tuple[str, _Ask, _Ask]  # in words; whether it is asked; the answer


def _principle(name: str, question: _Question, records: Sequence[ExperimentRecord]) -> Principle:
    words, asks, answer = question
    answers = tuple(
        Answer(record=one, yes=answer(one) if judged(one) else None) for one in records if asks(one)
    )
    grade = grade_of(answers)
    return Principle(
        name=name, question=words, grade=grade, words=_words(grade, answers), answers=answers
    )


def _words(grade: Grade, answers: Sequence[Answer]) -> str:
    if grade is Grade.NOT_TRIED:
        return "not tried"
    yes = sum(one.yes is True for one in answers)
    untold = sum(one.yes is None for one in answers)
    said = f"yes in {yes} of {plural(len(answers), 'experiment')}"
    if untold:
        said += f", {untold} cannot tell"
    if grade is Grade.B and not untold:
        said += "; not every one of them is proven to be able to fail"
    return said


def _breaks(record: ExperimentRecord) -> bool:
    return bool(record.faults) or any(one.picked for one in record.trials)


def _alone(record: ExperimentRecord) -> bool | None:
    """The service came back, and full strength did, while nobody helped."""
    for _, judgement in judged(record):
        if judgement.verdict is Verdict.NOT_HEALED:
            return False
        for measure in ("recovery", "redundancy"):
            taken = judgement.measured(measure)
            if taken and (taken.censored or taken.after_lift):
                return False
    return True


def _grows(record: ExperimentRecord) -> bool:
    ahead = {one.fault for one in record.faults} & GROWING
    prevented = any(j.verdict is Verdict.PREVENTED for _, j in judged(record))
    return bool(ahead) or prevented or "proactivity" in record.tags


def _ahead(record: ExperimentRecord) -> bool | None:
    """Users felt nothing: somebody acted first."""
    return all(j.verdict in {Verdict.PREVENTED, Verdict.MASKED} for _, j in judged(record))


def _promises(record: ExperimentRecord) -> bool:
    return _breaks(record) and any(one.measure in FELT for one in record.budgets)


def _served(record: ExperimentRecord) -> bool | None:
    """Every budget on what users feel was kept."""
    return _kept(record, tuple(one.measure for one in record.budgets if one.measure in FELT))


def _has_spare(record: ExperimentRecord) -> bool:
    spare = any(record.redundancy.get(one.service, 1) > 1 for one in record.faults)
    return _breaks(record) and (spare or any(b.measure == "redundancy" for b in record.budgets))


def _strong_again(record: ExperimentRecord) -> bool | None:
    """No write was lost, and every instance came back, in time where a time was asked for."""
    for _, judgement in judged(record):
        taken = judgement.measured("redundancy")
        if taken and (taken.censored or taken.after_lift):
            return False
        if judgement.verdict in {Verdict.DATA_LOST, Verdict.NOT_HEALED}:
            return False
    return _kept(record, ("redundancy",))


def _watched(record: ExperimentRecord) -> bool:
    asked = any(one.measure == "detection" for one in record.budgets)
    return _breaks(record) and bool(asked or record.healed_by)


def _noticed(record: ExperimentRecord) -> bool | None:
    """A mechanism of the system noticed in every trial, in time where a time was asked for."""
    for _, judgement in judged(record):
        if not any(act.detected_s is not None for act in judgement.acts):
            return False
    return _kept(record, ("detection",))


def _kept(record: ExperimentRecord, measures: tuple[str, ...]) -> bool | None:
    """Whether these budgets were kept, of those that there are."""
    asked = [one.measure for one in record.budgets if one.measure in measures]
    kept = [figure(record, one).kept for one in asked]
    if False in kept:
        return False
    return None if None in kept else True


_QUESTIONS: dict[str, _Question] = {
    "Autonomy": ("Did it come back without anybody's help?", _breaks, _alone),
    "Proactivity": ("Did it act before users were hit?", _grows, _ahead),
    "Resilience": ("Was it good enough for users all the time?", _promises, _served),
    "Redundancy": ("Did it get back to full strength?", _has_spare, _strong_again),
    "Monitoring and alerting": ("Did a mechanism of its own notice?", _watched, _noticed),
}
