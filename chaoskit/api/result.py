"""What came of an experiment: frozen, with the verdict, the measures and where the report is."""

from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import ChaoskitError, EnvironmentUnfit, Exit, Inconclusive, LiftFailed
from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement
from chaoskit.model.measures import Measured
from chaoskit.model.verdict import Verdict
from chaoskit.pipeline import Finished
from chaoskit.reporters.figures import budget_figures, worst_of
from chaoskit.reporters.wording import Result as Outcome
from chaoskit.reporters.wording import result_of as outcome_of


class Missed(AssertionError):
    """Evidence against the system: a budget was missed, or it did not heal."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One experiment after its run."""

    name: str
    title: str
    verdict: Verdict
    passed: bool  # the verdict is good, or is the expected one
    sentence: str  # for people: verdict, numbers, confidence
    claim: str  # the strongest claim that the trials allow
    trials: tuple[
        TrialJudgement, ...
    ]  # each with verdict, reason, measures, budgets, healers' acts
    outcome: Outcome  # passed, as expected, failed, inconclusive, error
    place: str  # file:line of the experiment
    folder: Path  # of the run
    repeat: str  # the command that runs the same again
    seed: int
    record: ExperimentRecord  # everything that the journal has of it

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"

    def worst(self, measure: str) -> Measured | None:
        """A measure in the trial that did worst; None when no valid trial has it."""
        return worst_of(self.record, measure)

    def check(self) -> None:
        """Raise unless it passed: see raise_unless_passed."""
        raise_unless_passed(self.record, self.folder, repeat=self.repeat)

    @property
    def story(self) -> str:
        """A block for people: what, where, the numbers against their budgets, where to look."""
        return story_of(self.record, self.folder, repeat=self.repeat)


def raise_unless_passed(record: ExperimentRecord, folder: Path, *, repeat: str = "") -> None:
    """Raise Missed when the evidence is against the system, Inconclusive when nothing was learnt,
    LiftFailed when something may be left behind, and ChaoskitError for a defect of ours.
    """
    __tracebackhide__ = True
    judgement = record.judgement
    if judgement is not None and judgement.passed:
        return
    story = story_of(record, folder, repeat=repeat)
    outcome = outcome_of(record)
    if outcome is Outcome.FAILED:
        raise Missed(story)
    if outcome is Outcome.LEFT_BEHIND:
        raise LiftFailed(story)
    raise (ChaoskitError if outcome is Outcome.ERROR else Inconclusive)(story)


def story_of(record: ExperimentRecord, folder: Path, *, repeat: str = "") -> str:
    """What happened to an experiment, in a few lines: the first of them says where it is written."""
    judgement = record.judgement
    said = judgement.sentence if judgement else "the run ended before it was judged"
    lines = [
        f"{record.file}:{record.line}: {record.name}: {record.title}",
        f"  {outcome_of(record).value.upper()}: {said}",
    ]
    for figure in budget_figures(record):
        kept = {True: "kept", False: "MISSED", None: "cannot be told"}[figure.kept]
        line = figure.budget.line if figure.budget else 0
        at = f" ({record.file}:{line})" if line and figure.kept is False else ""
        numbers = f"{figure.bound_text}: median {figure.median}, worst {figure.worst}"
        lines.append(f"  {figure.label} {numbers}: {kept}{at}")
    lines.append(f"  report: {folder / 'report.html'}")
    return "\n".join([*lines, f"  repeat: {repeat}"] if repeat else lines)


def result_of(finished: Finished, name: str) -> Result:
    """The result of the one experiment of a run.

    Raises what a run that has no result ended with: LiftFailed, KeyboardInterrupt, EnvironmentUnfit,
    and ChaoskitError for a defect of ours.
    """
    journal, folder = finished.journal, finished.folder.path
    refuse_unfinished(journal, folder)
    found = next((one for one in journal.experiments if one.name == name), None)
    if found is None or found.judgement is None:
        message = f"{name} was not judged; see {folder}"
        raise ChaoskitError(message)
    return Result(
        name=found.name,
        title=found.title,
        verdict=found.judgement.verdict,
        passed=found.judgement.passed,
        sentence=found.judgement.sentence,
        claim=found.judgement.claim,
        trials=tuple(one.judgement for one in found.trials if one.judgement is not None),
        outcome=outcome_of(found),
        place=f"{found.file}:{found.line}",
        folder=folder,
        repeat=journal.command,
        seed=journal.seed,
        record=found,
    )


def refuse_unfinished(journal: Journal, folder: Path) -> None:
    """Raise what a run ended with, when that is no result."""
    if journal.left_behind:
        raise LiftFailed("\n".join(journal.left_behind))
    for one in journal.experiments:
        if one.judgement is not None and one.judgement.verdict is Verdict.LIFT_FAILED:
            raise LiftFailed(one.judgement.sentence)
    if journal.interrupted_by:
        message = f"interrupted by {journal.interrupted_by}; what was seen is in {folder}"
        raise KeyboardInterrupt(message)
    if journal.trouble:
        unfit = journal.trouble_exit == Exit.ENVIRONMENT
        message = f"{journal.trouble} (in {folder})"
        raise (EnvironmentUnfit if unfit else ChaoskitError)(message)
