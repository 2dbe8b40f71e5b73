"""What the faults of a run cost of what users were promised, side by side."""

from collections.abc import Sequence

from chaoskit.model.journal import ErrorBudget, ExperimentRecord
from chaoskit.model.quantities import format_duration
from chaoskit.reporters.wording import UNKNOWN

HEADS = (
    "Experiment",
    "Promised",
    "One fault spends",
    "At worst",
    "Of the budget",
    "Affordable",
    "Trials that would page",
)

_DAY_S = 86_400


def error_budget_rows(records: Sequence[ExperimentRecord]) -> tuple[tuple[str, ...], ...]:
    """A row for each experiment with a promise, the dearest fault first."""
    told = [
        (one.title, one.judgement.error_budget)
        for one in records
        if one.judgement and one.judgement.error_budget
    ]
    return tuple(_row(*one) for one in sorted(told, key=lambda pair: -pair[1].share))


def _row(title: str, cost: ErrorBudget) -> tuple[str, ...]:
    more = "> " if cost.more else ""
    affordable = "any number" if cost.affordable is None else f"{cost.affordable:,}"
    return (
        title,
        f"{100 * cost.objective:.6g} % in {cost.window_s / _DAY_S:g} days",
        f"{more}{format_duration(cost.spent_s)}",
        f"{more}{format_duration(cost.worst_s)}",
        f"{more}{100 * cost.share:.3g} %",
        UNKNOWN if cost.more else affordable,
        f"{cost.paging} of {cost.trials}",
    )
