"""Healers beside the fastest that their settings allow, as the report shows them."""

from chaoskit.model.journal import ExperimentRecord, FloorRecord
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.wording import UNKNOWN

Row = tuple[str, ...]


def floor_rows(record: ExperimentRecord) -> tuple[Row, ...]:
    """A row for each step of each healer whose settings say how quick it can be."""
    judgement = record.judgement
    return tuple(_row(one) for one in judgement.floors) if judgement else ()


def _row(floor: FloorRecord) -> Row:
    efficiency = UNKNOWN if floor.efficiency is None else f"{100 * floor.efficiency:.0f} %"
    return (
        floor.healer,
        floor.step,
        format_duration(floor.best_s),
        format_duration(floor.mean_s),
        format_duration(floor.worst_s),
        "never seen" if floor.measured_s is None else format_duration(floor.measured_s),
        f"{floor.inside} of {floor.trials}" if floor.trials else UNKNOWN,
        efficiency,
        floor.why,
    )
