"""What a gate says of a run: demands beyond the verdicts, as findings. Pure.

A breach makes a run that passed fail, and nothing else: what already failed, or could not be told,
keeps its own exit code, because that is the news.
"""

from collections.abc import Iterator, Sequence

from chaoskit.ci.settings import CONDITIONS, Gate
from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.model.measures import Sense, Unit
from chaoskit.model.proof import ProofState
from chaoskit.model.trend import Pace, State, Trend
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.cases import Case, Status, Suite
from chaoskit.reporters.figures import Figure, budget_figures, judged, sense_of
from chaoskit.reporters.findings import Finding, Level, line_of
from chaoskit.reporters.wording import Result, plural, result_of

_OF_HISTORY = {"flaky", "slower", "expired"}  # conditions that earlier runs decide


def breaches(journal: Journal, trends: Sequence[Trend], gate: Gate) -> tuple[Finding, ...]:
    """Every demand of the gate that the run does not meet, each as an error.

    Of a shard only what is demanded of single experiments: the rest is asked of the joined run.
    """
    conclusive = [one for one in journal.experiments if _told(one)]
    of_each = (
        *_conditions(journal, trends, gate),
        *_trials(conclusive, gate),
        *_margins(conclusive, gate),
    )
    if journal.shard is not None:
        return of_each
    return (
        *of_each,
        *_expired(trends, gate),
        *_counts(conclusive, gate),
        *_missing("fault", gate.require_faults, _faults(conclusive), gate),
        *_missing("target", gate.require_targets, {one.target for one in conclusive}, gate),
    )


def blind(gate: Gate, unread: Sequence[str]) -> tuple[Finding, ...]:
    """A demand on the history, of which something could not be read: it is not met unseen."""
    asked = [word for word in gate.fail_on if word in _OF_HISTORY]
    if not asked or not unread:
        return ()
    more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
    what = f"whether an experiment is {' or '.join(asked)} cannot be told: {unread[0]}{more}"
    return (_breach(gate, "The history cannot be read", what),)


def suite_of(gate: Gate, found: Sequence[Finding]) -> tuple[Suite, ...]:
    """The gate as test cases: each breach, or that there is none. None without a gate."""
    if not gate.name and not gate.fail_on:
        return ()
    told = [
        Case(
            suite="gate",
            name=one.title,
            status=Status.FAILED,
            kind="GateNotPassed",
            text=one.message,
            file=one.file,
            line=one.line,
        )
        for one in found
    ]
    passed = Case(
        suite="gate", name="the gate is passed", status=Status.PASSED, text=gate.name or "--fail-on"
    )
    return (Suite(name="gate", record=None, cases=tuple(told) or (passed,)),)


def _conditions(journal: Journal, trends: Sequence[Trend], gate: Gate) -> Iterator[Finding]:
    by_name = {one.experiment: one for one in trends}
    for record in journal.experiments:
        for word in _conditions_of(record, by_name.get(record.name)):
            if word in gate.fail_on:
                yield _breach(gate, f"{record.name}: {word}", CONDITIONS[word], record)


def _expired(trends: Sequence[Trend], gate: Gate) -> Iterator[Finding]:
    if "expired" not in gate.fail_on:
        return
    for one in trends:
        if one.state is State.EXPIRED:
            what = f"{CONDITIONS['expired']}; its last run was {one.last.run} ({one.last.at[:10]})"
            yield _breach(gate, f"{one.experiment}: expired", what)


def _conditions_of(record: ExperimentRecord, trend: Trend | None) -> Iterator[str]:
    """The words of CONDITIONS that hold for an experiment that was run."""
    if trend is not None and trend.state is State.FLAKY:
        yield "flaky"
    if trend is not None and trend.pace is Pace.SLOWER:
        yield "slower"
    if record.arm is None and (record.proof is None or record.proof.state is not ProofState.PROVEN):
        yield "unproven"
    if result_of(record) is Result.EXPECTED:
        yield "known-weakness"
    if record.judgement and record.judgement.verdict is Verdict.MASKED:
        yield "masked"


def _counts(conclusive: Sequence[ExperimentRecord], gate: Gate) -> Iterator[Finding]:
    if len(conclusive) < gate.min_experiments:
        told = plural(len(conclusive), "experiment")
        what = f"{told} came to a verdict, and at least {gate.min_experiments} must"
        yield _breach(gate, "Too few experiments", what)
    weak = [one.name for one in conclusive if result_of(one) is Result.EXPECTED]
    if gate.max_known_weaknesses is not None and len(weak) > gate.max_known_weaknesses:
        what = f"{len(weak)} where at most {gate.max_known_weaknesses} may be: {', '.join(weak)}"
        yield _breach(gate, "Too many known weaknesses", what)


def _trials(conclusive: Sequence[ExperimentRecord], gate: Gate) -> Iterator[Finding]:
    for one in conclusive:
        count = len(judged(one))
        if count < gate.min_trials:
            what = f"{plural(count, 'valid trial')}, and at least {gate.min_trials} must be"
            yield _breach(gate, f"{one.name}: too few trials", what, one)


def _margins(conclusive: Sequence[ExperimentRecord], gate: Gate) -> Iterator[Finding]:
    """Budgets of time that were kept, but not by as much as the gate asks."""
    if not gate.min_margin:
        return
    for record in conclusive:
        if result_of(record) is not Result.PASSED:
            continue
        for one in budget_figures(record):
            left = _margin(one)
            if left is not None and left < gate.min_margin:
                what = (
                    f"{one.label} {one.bound_text}: the worst trial ({one.worst}) leaves "
                    f"{left:.0%} of it, and {gate.min_margin:.0%} must be left"
                )
                yield _breach(gate, f"{record.name}: little margin in {one.measure}", what, record)


def _margin(figure: Figure) -> float | None:
    """The share of a budget of time that the worst trial left; None for other budgets."""
    budget = figure.budget
    if budget is None or figure.unit is not Unit.SECONDS or not figure.dots or not budget.bound:
        return None
    if sense_of(figure.measure) is not Sense.AT_MOST:
        return None
    return 1 - max(dot.value for dot in figure.dots) / budget.bound


def _missing(kind: str, wanted: Sequence[str], tried: "set[str]", gate: Gate) -> Iterator[Finding]:
    for name in wanted:
        if name not in tried:
            what = f"no experiment with the {kind} {name} came to a verdict"
            yield _breach(gate, f"Required {kind} {name} was not tried", what)


def _faults(conclusive: Sequence[ExperimentRecord]) -> set[str]:
    return {fault.fault for one in conclusive for fault in one.faults}


def _told(record: ExperimentRecord) -> bool:
    return record.judgement is not None and record.judgement.verdict.conclusive


def _breach(gate: Gate, title: str, what: str, record: ExperimentRecord | None = None) -> Finding:
    """A breach, at the experiment that it is about, else at the gate that demands it."""
    demand = f"gate {gate.name}" if gate.name else "--fail-on"
    place = (record.file, line_of(record)) if record else (gate.file, gate.line)
    return Finding(
        level=Level.ERROR, title=title, message=f"{what} ({demand})", file=place[0], line=place[1]
    )


def warnings(journal: Journal, trends: Sequence[Trend], gate: Gate) -> tuple[Finding, ...]:
    """What the history says of the experiments that were run, and that no gate made an error."""
    by_name = {one.experiment: one for one in trends}
    return tuple(
        _warning(record, word)
        for record in journal.experiments
        for word in _conditions_of(record, by_name.get(record.name))
        if word in {"flaky", "slower"} and word not in gate.fail_on
    )


def _warning(record: ExperimentRecord, word: str) -> Finding:
    return Finding(
        level=Level.WARNING,
        title=f"{record.name}: {word}",
        message=CONDITIONS[word],
        file=record.file,
        line=record.line,
    )
