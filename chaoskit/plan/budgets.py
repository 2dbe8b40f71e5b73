"""Budgets: bounds on measures, from the file and from the command line."""

import importlib
from collections.abc import Mapping

from chaoskit.measures.base import Measure, catalogue
from chaoskit.model.experiment import Budget, Slo
from chaoskit.model.measures import Unit
from chaoskit.model.quantities import parse_duration, parse_ratio
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.scalars import trap
from chaoskit.plan.slo import FROM_SLO, bound_from, bound_text
from chaoskit.plan.tree import Key, Node, Scalar, child, pairs_of

COMMAND_LINE = "--budget"

_EXAMPLES = {
    Unit.SECONDS: "write a duration, e.g. 400ms, 2s, 1m30s",
    Unit.RATIO: "write a percentage or a share, e.g. 99.9% or 0.999",
    Unit.COUNT: "write a whole number, e.g. 0",
}


def read_budgets(
    block: Node | None, extra: Mapping[str, str], slo: Slo | None, report: Report
) -> dict[str, tuple[Budget, Node | None]]:
    """Budgets by measure, each with its place; those of the command line take precedence.

    A budget may be `from-slo`: what the promise leaves for one fault.
    """
    budgets: dict[str, tuple[Budget, Node | None]] = {}
    for key, value in pairs_of(child(block, "budgets")):
        measure = _measure(str(key.value), key, report)
        told_by_shape = not isinstance(value, Scalar) or value.value is None
        told_by_shape |= isinstance(value, Scalar) and isinstance(value.value, bool)
        if measure is None or told_by_shape or not isinstance(value, Scalar):
            continue
        if value.value == FROM_SLO:
            bound = bound_from(slo, measure, value, report)
        else:
            bound = _bound(measure, value.value, value, report, trap(value))
        if bound is not None:
            text = bound_text(bound) if value.value == FROM_SLO else value.text
            budget = Budget(measure=measure.name, bound=bound, text=text, line=key.line)
            budgets[measure.name] = (budget, value)
    budgets.update(_from_command_line(extra, slo, report))
    return budgets


def budgets_of(told: Mapping[str, str]) -> tuple[Budget, ...]:
    """Budgets that no file says. Raises InputError with every mistake."""
    report = Report(COMMAND_LINE)
    budgets = _from_command_line(told, None, report)
    report.raise_if_any()
    return tuple(one for one, _ in budgets.values())


def find_measure(name: str) -> Measure | None:
    """The measure of a name; without loading the whole shelf when it exists."""
    if not name.isidentifier():
        return None
    try:
        module = importlib.import_module(f"chaoskit.measures.{name}")
    except ModuleNotFoundError:
        return None
    measure = getattr(module, "MEASURE", None)
    return measure if isinstance(measure, Measure) else None


def _from_command_line(
    extra: Mapping[str, str], slo: Slo | None, report: Report
) -> dict[str, tuple[Budget, Node | None]]:
    budgets: dict[str, tuple[Budget, Node | None]] = {}
    line = Report(COMMAND_LINE)
    for name, text in extra.items():
        measure = _measure(name, None, line)
        if measure is None:
            continue
        if text == FROM_SLO:
            bound = bound_from(slo, measure, None, line)
        else:
            bound = _bound(measure, text, None, line, "")
        if bound is not None:
            shown = bound_text(bound) if text == FROM_SLO else text
            budgets[name] = (Budget(measure=name, bound=bound, text=shown), None)
    report.take(line.problems)
    return budgets


def _measure(name: str, place: Node | None, report: Report) -> Measure | None:
    measure = find_measure(name)
    if measure is None:
        report.add(place, f"no measure named {name!r}", suggest(name, catalogue()))
    return measure


def _bound(
    measure: Measure, written: Key, place: Node | None, report: Report, hint: str
) -> float | None:
    """The bound in the measure's unit, or None after it was reported."""
    try:
        if measure.unit is Unit.SECONDS:
            return parse_duration(written)
        if measure.unit is Unit.RATIO:
            return parse_ratio(written)
        return _count(written)
    except ValueError:
        example = _EXAMPLES[measure.unit]
        hints = f"{hint}; {example}" if hint else example
        report.add(place, f"{measure.name} cannot be {written!r}", hints)
        return None


def _count(written: Key) -> float:
    if isinstance(written, bool) or not str(written).isdecimal():
        message = f"{written!r} is not a count"
        raise ValueError(message)
    return float(str(written))
