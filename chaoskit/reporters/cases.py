"""A run as test cases: one for the verdict of each experiment, and one for each of its budgets.

Every format that CIs read tests from is made of these, so that all of them agree. Names are unique:
readers merge two cases of one name, and show only the first.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from chaoskit.model.experiment import Budget
from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.measures import Sense, Unit
from chaoskit.reporters.figures import Figure, budget_figures, sense_of
from chaoskit.reporters.headline import headline
from chaoskit.reporters.wording import Result, result_of, verdict_words


class Status(StrEnum):
    """What a case says."""

    PASSED = "passed"
    FAILED = "failed"  # evidence against the system
    ERROR = "error"  # we cannot tell, or something is wrong with us
    SKIPPED = "skipped"  # the verdict's case says why


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test case."""

    suite: str  # the experiment's name
    name: str  # unique within its suite
    status: Status
    text: str  # what was seen
    kind: str = ""  # of a failure or an error: NotHealed, BudgetMissed, Inconclusive
    file: str = ""
    line: int = 0
    time_s: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)  # for programs


@dataclass(frozen=True, kw_only=True)
class Suite:
    """An experiment's cases; without an experiment, what is said of the run as a whole."""

    name: str
    record: ExperimentRecord | None
    cases: tuple[Case, ...]


def suites_of(journal: Journal) -> tuple[Suite, ...]:
    """Every case of a run, by experiment."""
    seen: Counter[str] = Counter()
    suites = []
    for record in journal.experiments:
        seen[record.name] += 1
        again = f" ({seen[record.name]})" if seen[record.name] > 1 else ""
        name = record.name + again
        cases = tuple(replace(one, suite=name) for one in _cases(record))
        suites.append(Suite(name=name, record=record, cases=cases))
    unfinished = not journal.ended_wall or journal.interrupted_by or journal.trouble
    if journal.left_behind or unfinished or not journal.experiments:
        suites.append(Suite(name="the run", record=None, cases=(_run_case(journal),)))
    return tuple(suites)


def _cases(record: ExperimentRecord) -> Iterator[Case]:
    yield _verdict_case(record)
    if result_of(record) in {Result.PASSED, Result.EXPECTED, Result.FAILED}:
        yield from (_budget_case(record, one) for one in budget_figures(record))
    else:
        yield from (_untold_case(record, budget) for budget in record.budgets)


def _verdict_case(record: ExperimentRecord) -> Case:
    judgement = record.judgement
    verdict = verdict_words(judgement.verdict) if judgement else "not judged"
    sentence = judgement.sentence if judgement else "The run ended before this was judged."
    result = result_of(record)
    status, kind, text = Status.PASSED, "", f"{verdict}: {sentence}"
    if result is Result.FAILED:
        status, kind, text = Status.FAILED, _camel(verdict), sentence
    elif result is Result.INCONCLUSIVE:
        status, kind, text = Status.ERROR, "Inconclusive", sentence
    elif result in {Result.ERROR, Result.LEFT_BEHIND}:
        status, kind, text = Status.ERROR, _camel(verdict), sentence
    elif result is Result.EXPECTED:
        text = f"{verdict}, as expected: {sentence}"
    name = f"verdict is {verdict_words(record.expect)}" if record.expect else "the system heals"
    return _case(
        record,
        name,
        status=status,
        text=text,
        kind=kind,
        time_s=record.wall_s,
        facts={"verdict": verdict, "result": result.value},
    )


def _budget_case(record: ExperimentRecord, figure: Figure) -> Case:
    budget = figure.budget
    assert budget is not None, "a budget's figure has its budget"
    times = [dot.value for dot in figure.dots]
    told = f"{figure.label} {figure.bound_text}: median {figure.median}, worst {figure.worst}"
    if figure.known_count:
        told += f", kept in {figure.kept_count} of {figure.known_count} trials"
        told += f", {record.allow} may miss" if record.allow else ""
    status, kind, text = Status.PASSED, "", told
    if figure.kept is False and result_of(record) is Result.EXPECTED:
        text = f"missed, and expected to be: {told}"
    elif figure.kept is False:
        status, kind = Status.FAILED, "BudgetMissed"
    elif figure.kept is None:
        status, text = Status.SKIPPED, f"could not be told: {told}"
    return _case(
        record,
        _budget_name(budget),
        line=budget.line,
        status=status,
        text=text,
        kind=kind,
        time_s=max(times) if figure.unit is Unit.SECONDS and times else None,
        facts={
            "measure": figure.measure,
            "budget": budget.text,
            "median": figure.median,
            "worst": figure.worst,
            "margin": figure.margin,
        },
    )


def _untold_case(record: ExperimentRecord, budget: Budget) -> Case:
    """A budget of an experiment that says nothing: the verdict's case is the error, once."""
    return _case(
        record,
        _budget_name(budget),
        line=budget.line,
        status=Status.SKIPPED,
        text="the experiment was inconclusive",
        facts={"measure": budget.measure, "budget": budget.text},
    )


def _run_case(journal: Journal) -> Case:
    """What is wrong with the run as a whole belongs to no experiment."""
    head = headline(journal)
    text = "\n".join([head.sentence, *head.asides])
    return Case(suite="the run", name="the run", status=Status.ERROR, text=text, kind="Run")


def _case(record: ExperimentRecord, name: str, *, line: int = 0, **told: object) -> Case:
    fields: dict[str, object] = {
        "suite": record.name,
        "name": name,
        "file": record.file,
        "line": line or record.line,
        **told,
    }
    return Case(**fields)  # type: ignore[arg-type]  # every caller names fields of a case


def _budget_name(budget: Budget) -> str:
    at_least = sense_of(budget.measure) is Sense.AT_LEAST
    return f"{budget.measure} {'at least' if at_least else 'within'} {budget.text}"


def _camel(words: str) -> str:
    """`NotHealed` of `not healed`."""
    return "".join(word.capitalize() for word in words.split())
