"""One row of the table of experiments: what was done, what came of it, and how close it was."""

from dataclasses import dataclass

from chaoskit.model.journal import ExperimentRecord
from chaoskit.model.measures import Sense
from chaoskit.model.quantities import format_duration
from chaoskit.model.trend import Trend
from chaoskit.reporters.figures import HEADLINE_MEASURES, Figure, budget_figures, figure, sense_of
from chaoskit.reporters.proof_words import state_words
from chaoskit.reporters.trend_view import TrendView, trend_view
from chaoskit.reporters.wording import UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The cells of an experiment that are not its title."""

    injected: str
    figures: tuple[Figure, ...]  # detected, recovered, full strength
    margin: str  # of the budget that was closest
    margin_of: str
    floor: str
    floor_of: str
    efficiency: str
    loss: str
    proof: str
    trend: TrendView


def summary(page_id: str, record: ExperimentRecord, trend: Trend | None) -> Summary:
    """The row of one experiment."""
    margin, of = _closest(record)
    floor, floor_of, efficiency = _floor(record)
    return Summary(
        injected=injected(record),
        figures=tuple(figure(record, measure) for measure in HEADLINE_MEASURES),
        margin=margin,
        margin_of=of,
        floor=floor,
        floor_of=floor_of,
        efficiency=efficiency,
        loss=_loss(record),
        proof=state_words(record.proof),
        trend=trend_view(trend, page_id),
    )


def injected(record: ExperimentRecord) -> str:
    """`crash of web`; whom it was done to, when a journal does not say what."""
    said = [f"{one.fault} of {one.service}" if one.service else one.fault for one in record.faults]
    if not said:
        said = [one for trial in record.trials for one in trial.picked]
    return ", ".join(dict.fromkeys(said)) or UNKNOWN


def _closest(record: ExperimentRecord) -> tuple[str, str]:
    """The margin of the budget of which the worst trial left the least, and which that is."""
    found = [(_left(one), one) for one in budget_figures(record) if one.margin != UNKNOWN]
    known = [(left, one) for left, one in found if left is not None]
    if not known:
        return UNKNOWN, ""
    _, least = min(known, key=lambda pair: pair[0])
    return least.margin, least.label


def _left(one: Figure) -> float | None:
    """The share of a budget that is left; below zero when it was missed."""
    budget = one.budget
    if budget is None or not one.dots:
        return None
    values = [dot.value for dot in one.dots]
    if any(dot.after_lift for dot in one.dots):
        return -1.0
    if sense_of(one.measure) is Sense.AT_LEAST:
        room = 1 - budget.bound
        return (min(values) - budget.bound) / room if room else min(values) - budget.bound
    return (budget.bound - max(values)) / budget.bound if budget.bound else -max(values)


def _floor(record: ExperimentRecord) -> tuple[str, str, str]:
    """The slowest step that settings alone explain, and how close the system came to it."""
    judgement = record.judgement
    seen = [one for one in (judgement.floors if judgement else ()) if one.trials]
    if not seen:
        return UNKNOWN, "", ""
    last = max(seen, key=lambda one: (one.healer in record.healed_by, one.mean_s))
    efficiency = "" if last.efficiency is None else f"{100 * last.efficiency:.0f} % efficient"
    return format_duration(last.mean_s), last.healer, efficiency


def _loss(record: ExperimentRecord) -> str:
    """`0 of 1,204 writes`; nothing is said of what nobody wrote down."""
    kept = [one.judgement.ledger for one in record.trials if one.judgement and one.judgement.ledger]
    if not kept:
        return "cannot be told" if record.ledger else UNKNOWN
    if any(one.lost is None for one in kept):
        return "cannot be told"
    return f"{sum(one.lost or 0 for one in kept):,} of {sum(one.acked for one in kept):,}"
