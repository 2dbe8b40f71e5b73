"""Why a trial tells nothing about the system: looked for before anything else."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chaoskit.measures.hearing import not_heard_ns
from chaoskit.measures.progress import UNKNOWN_SHARE, baseline_is_steady
from chaoskit.measures.series import Series, send_lag_in_periods, unknown_share
from chaoskit.model.journal import ExperimentRecord, TrialRecord
from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict

Void = tuple[Verdict, str]

_TOLD = {"detection", "redundancy"}  # measures that marks alone decide

MOST_LAG = 0.5  # of a probe's period, at p99: later than this, and the instants are not ours


def why_void(record: TrialRecord, series: Series) -> Void | None:
    """The first reason why this trial tells nothing; None when it is valid.

    The supervisor's own trouble comes first, then what Chaos Toolkit could not do, then the observer:
    a late one cannot tell whether the baseline was steady.
    """
    return next(_reasons(record, series), None)


def _reasons(record: TrialRecord, series: Series) -> Iterator[Void]:
    if record.trouble_verdict is not None:
        yield record.trouble_verdict, record.trouble or record.trouble_verdict.meaning
    if record.trouble:
        yield Verdict.HARNESS_ERROR, record.trouble
    yield from _toolkit(record.chaostoolkit)
    yield from observer(series)
    steady, found = baseline_is_steady(series.timeline, series.end_ns)
    if not steady:
        yield Verdict.BASELINE_NOT_MET, f"before the fault, {found}"
    if series.effect_ns is None:
        yield Verdict.FAULT_NOT_APPLIED, "no fault was seen in effect"
    if any(mark.data.get("lapsed") for mark in series.timeline.of(MarkKind.LIFTED)):
        yield Verdict.FAULT_NOT_APPLIED, "the fault's lease ran out: it was lifted before its time"
    if series.timeline.watch_end_ns is None:
        yield Verdict.INTERRUPTED, "the trial ended during the watch"


def _toolkit(facts: Mapping[str, Any]) -> Iterator[Void]:
    """What Chaos Toolkit swallows: an experiment that did not run as it was written."""
    if facts.get("steady_before") is False:
        yield (
            Verdict.BASELINE_NOT_MET,
            "Chaos Toolkit's steady-state hypothesis was not met before the method",
        )
    for key, what in (
        ("failed_activities", "an activity failed"),
        ("failed_controls", "a control failed"),
        ("failed_rollbacks", "a rollback failed"),
    ):
        if failures := facts.get(key):
            said = _listed(failures)
            yield Verdict.FAULT_NOT_APPLIED, f"not run as it was written: {what}: {said}"
    if facts.get("status") in {"aborted", "interrupted"}:
        yield Verdict.INTERRUPTED, f"Chaos Toolkit's run was {facts['status']}"


def observer(series: Series) -> Iterator[Void]:
    """Why the observer cannot be trusted."""
    if not len(series.timeline.samples):
        yield Verdict.OBSERVER_LATE, "there is not one sample"
        return
    unknown = unknown_share(series)
    if unknown > UNKNOWN_SHARE:
        ours = ": the port-forward broke" if series.timeline.of(MarkKind.GAP) else ""
        yield Verdict.OBSERVER_LATE, f"{100 * unknown:.1f} % of the rounds are unknown{ours}"
    lag = send_lag_in_periods(series.timeline.samples, series.timeline.period_ns)
    if lag > MOST_LAG:
        yield (
            Verdict.OBSERVER_LATE,
            f"asks were sent late: p99 {lag:.2f} periods, at most {MOST_LAG} is allowed",
        )


def told_too_little(series: Series, experiment: ExperimentRecord) -> Void | None:
    """Why a cluster's word cannot be trusted where the experiment depends on it; else None."""
    depends = experiment.healed_by or any(one.measure in _TOLD for one in experiment.budgets)
    return next(not_heard(series), None) if depends else None


def not_heard(series: Series) -> Iterator[Void]:
    """Why a cluster's silence says nothing.

    What healers do and how many instances there are is told by watches alone. What happened while
    they were not heard may be told by nobody afterwards, so its absence is no evidence.
    """
    begin, end = series.ordered_ns or 0, series.watch_end_ns
    deaf_ns = not_heard_ns(series.timeline.of(MarkKind.NOTE), begin, end)
    if deaf_ns > UNKNOWN_SHARE * (end - begin):
        said = f"the cluster was not heard for {format_duration(deaf_ns / NS)} of the watch"
        yield Verdict.OBSERVER_LATE, said


def _listed(failures: Any) -> str:
    """The first few of a list of failures, whatever chaoslib made of them."""
    if isinstance(failures, str) or not isinstance(failures, Iterable):
        return str(failures)
    said = [str(one) for one in failures]
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")
