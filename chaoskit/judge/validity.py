"""Why a trial tells nothing about the system: looked for before anything else."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chaoskit.measures.progress import UNKNOWN_SHARE, baseline_is_steady
from chaoskit.measures.series import Series, send_lag_in_periods, unknown_share
from chaoskit.model.journal import TrialRecord
from chaoskit.model.marks import MarkKind
from chaoskit.model.verdict import Verdict

Void = tuple[Verdict, str]

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
        yield Verdict.OBSERVER_LATE, f"{100 * unknown:.1f} % of the rounds are unknown"
    lag = send_lag_in_periods(series.timeline.samples, series.timeline.period_ns)
    if lag > MOST_LAG:
        yield (
            Verdict.OBSERVER_LATE,
            f"asks were sent late: p99 {lag:.2f} periods, at most {MOST_LAG} is allowed",
        )


def _listed(failures: Any) -> str:
    """The first few of a list of failures, whatever chaoslib made of them."""
    if isinstance(failures, str) or not isinstance(failures, Iterable):
        return str(failures)
    said = [str(one) for one in failures]
    return "; ".join(said[:3]) + (f"; and {len(said) - 3} more" if len(said) > 3 else "")
