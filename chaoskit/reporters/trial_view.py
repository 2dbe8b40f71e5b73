"""One trial as the report shows it: the drawing, and the same in words and tables."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from chaoskit.model.journal import ExperimentRecord, TrialRecord
from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.measures import Measured
from chaoskit.model.proof import ArmKind
from chaoskit.model.quantities import format_duration
from chaoskit.model.timeline import NS, Timeline
from chaoskit.reporters.charts import Words, draw_trial
from chaoskit.reporters.figures import label_of
from chaoskit.reporters.latency import Buckets
from chaoskit.reporters.logs import Excerpt
from chaoskit.reporters.scene import Scene, scene_of
from chaoskit.reporters.window import zero_of
from chaoskit.reporters.wording import (
    UNKNOWN,
    Result,
    measured_text,
    plural,
    value_text,
    verdict_words,
)

TimelineOf = Callable[[ExperimentRecord, TrialRecord], Timeline]
_MARKS_LISTED = 400


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """Everything the page says about one trial."""

    id: str
    record: TrialRecord
    result: Result
    verdict: str
    reason: str
    values: tuple[str, ...]  # one for each column of the experiment's table of trials
    notes: tuple[str, ...]
    drawing: Markup
    description: str
    measures: tuple[tuple[str, ...], ...]
    marks: tuple[tuple[str, ...], ...]
    marks_left_out: int
    asks: tuple[tuple[str, ...], ...]
    logs: tuple[Excerpt, ...]
    zero_ns: int
    lean: bool  # its drawing, tables and logs are on disk only


def trial_result(experiment: ExperimentRecord, trial: TrialRecord) -> Result:
    """What a trial means; the expected verdict is what it should be."""
    judgement = trial.judgement
    if judgement is None or not judgement.verdict.conclusive:
        return Result.INCONCLUSIVE
    if experiment.arm is not None and experiment.arm.kind is ArmKind.OFF:
        return Result.EXPECTED if judgement.verdict.against else Result.PASSED
    if experiment.expect is not None:
        same = judgement.verdict is experiment.expect
        good = Result.PASSED if judgement.verdict.good else Result.EXPECTED
        return good if same else Result.FAILED
    return Result.PASSED if judgement.verdict.good else Result.FAILED


def trial_view(
    experiment: ExperimentRecord,
    trial: TrialRecord,
    timeline: Timeline,
    place: tuple[str, Sequence[str]],
    *,
    lean: bool = False,
) -> TrialView:
    """The view of one trial; `place` is its id on the page and the columns of its table."""
    page_id, columns = place
    scene = None if lean else scene_of(timeline, trial)
    judgement = trial.judgement
    verdict = verdict_words(judgement.verdict) if judgement else "not judged"
    zero_ns = zero_of(timeline)
    description = describe(scene, verdict) if scene else "There is no evidence of this trial."
    words = Words(
        id=f"{page_id}-drawing",
        title=f"Trial {trial.index} of {experiment.title}",
        description=description,
    )
    return TrialView(
        id=page_id,
        record=trial,
        result=trial_result(experiment, trial),
        verdict=verdict,
        reason=judgement.reason if judgement else trial.trouble,
        values=tuple(measured_text(judgement.measured(c) if judgement else None) for c in columns),
        notes=_notes(trial),
        drawing=draw_trial(scene, words) if scene else Markup(""),
        description=description,
        measures=_measure_rows(judgement.measures if judgement and not lean else ()),
        marks=() if lean else _mark_rows(timeline.marks[:_MARKS_LISTED], zero_ns),
        marks_left_out=max(len(timeline.marks) - _MARKS_LISTED, 0),
        asks=_ask_rows(scene.listed) if scene else (),
        logs=(),
        zero_ns=zero_ns,
        lean=lean,
    )


def describe(scene: Scene, verdict: str) -> str:
    """What the drawing shows, in a few sentences."""
    asked = sum(strip.asked for strip in scene.strips)
    bad = sum(len(strip.bad_s) for strip in scene.strips)
    unknown = sum(len(strip.unknown_s) for strip in scene.strips)
    moments = ", ".join(one.text for one in scene.instants if one.key != "effect")
    parts = [f"Verdict: {verdict}.", f"{bad:,} of {plural(asked, 'ask')} failed"]
    if unknown:
        parts[-1] += f", {unknown:,} could not be told"
    parts[-1] += "."
    if moments:
        parts.append(f"{moments[0].upper()}{moments[1:]}.")
    return " ".join(parts)


def _notes(trial: TrialRecord) -> tuple[str, ...]:
    """Lines under the drawing: what was done, and how well it was watched."""
    notes = []
    if trial.picked:
        how = "; ".join(dict.fromkeys(trial.mechanisms)) or "unknown mechanism"
        notes.append(f"Done to {', '.join(trial.picked)}: {how}.")
    if trial.trouble:
        notes.append(f"Trouble of ours: {trial.trouble}")
    lag = trial.send_lag_p99_s
    if lag is not None:
        notes.append(f"Asks were sent at most {format_duration(lag)} late (p99).")
    if trial.clock_error_s:
        error = format_duration(trial.clock_error_s)
        notes.append(f"Samples come from another machine, whose clock is known to {error}.")
    return tuple(notes)


def _measure_rows(measures: Sequence[Measured]) -> tuple[tuple[str, ...], ...]:
    """Measure, value, the interval that holds the truth, note."""
    return tuple(
        (label_of(one.measure), measured_text(one), _interval(one), one.note) for one in measures
    )


def _interval(measured: Measured) -> str:
    if measured.low is None or measured.high is None or measured.censored:
        return UNKNOWN
    low, high = (value_text(end, measured.unit) for end in (measured.low, measured.high))
    return low if low == high else f"{low} to {high}"


def _mark_rows(marks: Sequence[Mark], zero_ns: int) -> tuple[tuple[str, ...], ...]:
    """Time, what, who says so, where, detail."""
    return tuple(
        (
            signed((mark.at_ns - zero_ns) / NS),
            mark.kind.value.replace("_", " "),
            mark.source or UNKNOWN,
            mark.instance or mark.service or UNKNOWN,
            _detail(mark),
        )
        for mark in marks
    )


def _detail(mark: Mark) -> str:
    if mark.kind is MarkKind.REDUNDANCY and mark.data.get("silent"):
        return "not counted: the cluster is not heard"
    if mark.kind is MarkKind.REDUNDANCY and "want" in mark.data:
        return f"{mark.data.get('have')} of {mark.data['want']}"
    return mark.detail


def _ask_rows(buckets: Buckets) -> tuple[tuple[str, ...], ...]:
    """From, asked, failed, unknown, median, p99, slowest; stretches without an ask are left out."""
    rows = []
    for i in range(len(buckets.asked)):
        if not buckets.asked[i]:
            continue
        quantiles = (buckets.p50_s[i], buckets.p99_s[i], buckets.peak_s[i])
        rows.append(
            (
                signed(buckets.start_s + i * buckets.width_s, digits=1),
                *(f"{int(count[i]):,}" for count in (buckets.asked, buckets.bad, buckets.unknown)),
                *(format_duration(float(q)) if not math.isnan(q) else UNKNOWN for q in quantiles),
            )
        )
    return tuple(rows)


def signed(seconds: float, *, digits: int = 3) -> str:
    """Seconds from the fault with a sign: `+0.412 s`."""
    text = f"{abs(seconds):.{digits}f} s"
    return f"−{text}" if seconds < -(10**-digits) / 2 else f"+{text}"
