"""A finished run as a tree of spans: a pure function of the journal and the marks.

run → experiment → trial → phases; what happened to a fault are events of its trial. Every time is the
mark's own, placed on the wall clock by the run's one anchor. Nothing here knows a tracing library.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chaoskit.model.journal import Anchor, ExperimentRecord, Journal, TrialRecord
from chaoskit.model.marks import NS, Mark, MarkKind
from chaoskit.reporters.text import one_line, redact

MarksOf = Callable[[ExperimentRecord, TrialRecord], Sequence[Mark]]
Value = str | bool | int | float

_EVENTS = {
    MarkKind.INJECTED: "fault.injected",
    MarkKind.IN_EFFECT: "fault.in_effect",
    MarkKind.DETECTED: "fault.detected",
    MarkKind.ACTED: "fault.acted",
    MarkKind.RESTORED: "fault.restored",
    MarkKind.LIFTED: "fault.lifted",
}


@dataclass(frozen=True, kw_only=True)
class SpanEvent:
    """Something that happened within a span. Times are nanoseconds of the wall clock."""

    name: str
    at_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span with everything under it."""

    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    error: str | None = None  # None: nothing speaks against it
    children: tuple["Span", ...] = ()


def spans_of(journal: Journal, marks_of: MarksOf) -> Span:
    """The run's span."""
    anchor = journal.anchor
    experiments = tuple(
        _experiment(one, marks_of, one.origin.anchor if one.origin else anchor)
        for one in journal.experiments
    )
    start_ns = anchor.wall_ns
    ends = [one.end_ns for one in experiments]
    if journal.ended_wall:
        ends.append(round(datetime.fromisoformat(journal.ended_wall).timestamp() * NS))
    passed = journal.exit_code == 0
    status = "aborted" if journal.interrupted_by else "success" if passed else "failure"
    return Span(
        name="chaoskit run",
        start_ns=start_ns,
        end_ns=max([start_ns, *ends]),
        attributes=_said(
            {
                "test.suite.name": "chaoskit",
                "test.suite.run.status": status,
                "chaoskit.run.id": journal.run_id,
                "chaoskit.version": journal.chaoskit,
                "chaoskit.seed": journal.seed,
                "chaoskit.exit_code": journal.exit_code,
                "chaoskit.command": journal.command,
            }
        ),
        error=None if passed else f"exit code {journal.exit_code}",
        children=experiments,
    )


def _experiment(record: ExperimentRecord, marks_of: MarksOf, anchor: Anchor) -> Span:
    found = (_trial(record, one, marks_of(record, one), anchor) for one in record.trials)
    trials = tuple(one for one in found if one is not None)
    judgement = record.judgement
    passed = judgement is not None and judgement.passed
    return Span(
        name=record.name,
        start_ns=min((one.start_ns for one in trials), default=anchor.wall_ns),
        end_ns=max((one.end_ns for one in trials), default=anchor.wall_ns),
        attributes=_said(
            {
                "test.case.name": record.name,
                "test.case.result.status": "pass" if passed else "fail",
                "chaoskit.title": record.title,
                "chaoskit.target": record.target,
                "chaoskit.verdict": judgement.verdict.value if judgement else None,
                "chaoskit.expect": record.expect.value if record.expect else None,
                "chaoskit.plan": record.plan,
                "code.file.path": record.file,
                **{f"chaoskit.budget.{one.measure}": one.text for one in record.budgets},
            }
        ),
        error=None if passed else judgement.sentence if judgement else "not judged",
        children=trials,
    )


def _trial(
    record: ExperimentRecord, trial: TrialRecord, marks: Sequence[Mark], anchor: Anchor
) -> Span | None:
    """A trial's span; None of one that left no mark."""
    if not marks:
        return None
    judgement = trial.judgement
    start_ns = min(trial.started_ns or marks[0].at_ns, marks[0].at_ns)
    last_ns = max(mark.at_ns for mark in marks)
    good = judgement is not None and (judgement.verdict.good or judgement.verdict is record.expect)
    measures = judgement.measures if judgement else ()
    return Span(
        name=f"{record.name} trial {trial.index}",
        start_ns=anchor.wall_of(start_ns),
        end_ns=anchor.wall_of(last_ns),
        attributes=_said(
            {
                "chaoskit.trial": trial.index,
                "chaoskit.verdict": judgement.verdict.value if judgement else None,
                "chaoskit.reason": judgement.reason if judgement else trial.trouble,
                **{f"chaoskit.measure.{one.measure}": one.middle for one in measures},
            }
        ),
        events=tuple(_events(trial, marks, anchor)),
        error=None if good else judgement.reason if judgement else "not judged",
        children=tuple(_phases(marks, anchor, last_ns)),
    )


def _phases(marks: Sequence[Mark], anchor: Anchor, last_ns: int) -> Iterator[Span]:
    phases = [mark for mark in marks if mark.kind is MarkKind.PHASE]
    ends = [*(mark.at_ns for mark in phases[1:]), last_ns]
    for mark, end_ns in zip(phases, ends, strict=bool(phases)):
        if mark.detail != "end":
            yield Span(
                name=mark.detail, start_ns=anchor.wall_of(mark.at_ns), end_ns=anchor.wall_of(end_ns)
            )


def _events(trial: TrialRecord, marks: Sequence[Mark], anchor: Anchor) -> Iterator[SpanEvent]:
    effect_ns: int | None = None
    for mark in marks:
        if mark.kind not in _EVENTS:
            continue
        if mark.kind is MarkKind.IN_EFFECT and effect_ns is None:
            effect_ns = mark.at_ns
        attributes = _said(
            {
                "chaoskit.source": mark.source,
                "chaoskit.fault.kind": mark.data.get("fault"),
                "chaoskit.service": mark.service,
                "chaoskit.instance": mark.instance,
                "chaoskit.mechanism": mark.data.get("mechanism"),
                "chaoskit.detail": mark.detail,
            }
        )
        yield SpanEvent(
            name=_EVENTS[mark.kind], at_ns=anchor.wall_of(mark.at_ns), attributes=attributes
        )
    recovery = trial.judgement.measured("recovery") if trial.judgement else None
    if effect_ns is not None and recovery is not None and recovery.middle is not None:
        at_ns = effect_ns + round(recovery.middle * NS)
        said = {"chaoskit.measure.recovery": recovery.middle}
        yield SpanEvent(name="fault.recovered", at_ns=anchor.wall_of(at_ns), attributes=said)


def _said(attributes: Mapping[str, object]) -> dict[str, Value]:
    """Without what is not known; texts fit to be shown, and without secrets."""
    return {
        name: redact(one_line(value, limit=2000)) if isinstance(value, str) else value
        for name, value in attributes.items()
        if isinstance(value, (str, bool, int, float)) and value != ""
    }
