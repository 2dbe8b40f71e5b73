"""Arms with given recoveries, so that a test of a comparison names only what it is about."""

from typing import Any

from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.verdict import Verdict
from tests.judging import experiment, journal, trial

UNITS = {"availability": Unit.RATIO, "lost_writes": Unit.COUNT}


class Beyond(float):
    """Not seen to end within so many seconds."""


def measured(name: str, value: float) -> Measured:
    """A measure whose worse end is `value`."""
    unit = UNITS.get(name, Unit.SECONDS)
    if isinstance(value, Beyond):
        return Measured(measure=name, unit=unit, low=float(value), censored=True)
    half = 0.0 if unit is Unit.COUNT else 0.001
    if name == "availability":
        return Measured(measure=name, unit=unit, low=value, high=min(1.0, value + half))
    low = max(0.0, value - 2 * half)
    return Measured(measure=name, unit=unit, low=low, high=value, resolution=half or None)


def made(
    name: str = "shop/crash", verdict: Verdict = Verdict.HEALED, **measures: Any
) -> ExperimentRecord:
    """An experiment whose trials measured these; one value a trial, None where there is none."""
    length = max((len(values) for values in measures.values()), default=0)
    trials = tuple(
        trial(
            i + 1,
            judgement=TrialJudgement(
                verdict=verdict,
                reason="",
                measures=tuple(
                    measured(measure, values[i])
                    for measure, values in measures.items()
                    if i < len(values) and values[i] is not None
                ),
            ),
        )
        for i in range(length)
    )
    return experiment(name=name, title=f"Title of {name}", rate_hz=50.0, hash="h1", trials=trials)


def run_of(*experiments: ExperimentRecord, run_id: str = "a", **fields: Any) -> Journal:
    """A run of them."""
    return journal(*experiments, run_id=run_id, **fields)
