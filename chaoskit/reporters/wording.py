"""The words and numbers of a report, the same in every format.

A result is a word and a shape before it is a colour, and a number never shows more than was measured.
"""

from enum import StrEnum

from chaoskit.model.journal import ExperimentRecord
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict

UNKNOWN = "–"


class Result(StrEnum):
    """What an experiment means for the run."""

    PASSED = "passed"
    EXPECTED = "as expected"  # a known weakness, or a negative control, did what it should
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    LEFT_BEHIND = "left behind"

    @property
    def symbol(self) -> str:
        """One character, for whoever sees no colour."""
        return _SYMBOLS[self]


_SYMBOLS = {
    Result.PASSED: "✓",
    Result.EXPECTED: "✓",
    Result.FAILED: "✗",
    Result.INCONCLUSIVE: "?",
    Result.ERROR: "!",
    Result.LEFT_BEHIND: "!",
}
_OURS = {
    Verdict.LIFT_FAILED: Result.LEFT_BEHIND,
    Verdict.HARNESS_ERROR: Result.ERROR,
}


def result_of(experiment: ExperimentRecord) -> Result:
    """What an experiment means for its run; without a judgement nothing is known."""
    judgement = experiment.judgement
    if judgement is None:
        return Result.INCONCLUSIVE
    if judgement.verdict in _OURS:
        return _OURS[judgement.verdict]
    if judgement.passed:
        return Result.PASSED if judgement.verdict.good else Result.EXPECTED
    return Result.FAILED if judgement.verdict.conclusive else Result.INCONCLUSIVE


def verdict_words(verdict: Verdict) -> str:
    """`not healed` of `not_healed`."""
    return verdict.value.replace("_", " ")


def error_budget_words(experiment: ExperimentRecord) -> str:
    """What the fault costs of the promise to users; empty without one, or when nothing was told."""
    cost = experiment.judgement.error_budget if experiment.judgement else None
    return cost.sentence if cost else ""


def value_text(value: float | None, unit: Unit) -> str:
    """A number with its unit: `1.24 s`, `99.2 %`, `3`."""
    if value is None:
        return UNKNOWN
    if unit is Unit.SECONDS:
        return format_duration(value)
    if unit is Unit.RATIO:
        return _percent(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"


def measured_text(measured: Measured | None) -> str:
    """A measure for people: `1.24 s`, `> 30 s` when it was not seen to end, `–` when unknown."""
    if measured is None or measured.low is None:
        return UNKNOWN
    if measured.censored:
        text = f"> {value_text(measured.low, measured.unit)}"
    elif measured.middle is None:
        return UNKNOWN
    else:
        text = value_text(measured.middle, measured.unit)
    return f"{text} after lift" if measured.after_lift else text


def plural(count: int, noun: str) -> str:
    """`1 trial`, `3 trials`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _percent(share: float) -> str:
    """A share in percent; never rounded up to a hundred, for the last lost request counts."""
    percent = share * 100
    text = f"{percent:.4g}" if percent < 99 else f"{percent:.3f}".rstrip("0").rstrip(".")
    if text == "100" and share < 1:
        text = "> 99.999"
    return f"{text} %"
