"""Records around drawn timelines, so that a test of the judge names only what it is about."""

from collections.abc import Mapping
from typing import Any

from chaoskit.judge import judge_trial
from chaoskit.measures.base import catalogue
from chaoskit.model.experiment import Budget
from chaoskit.model.journal import (
    Anchor,
    ExperimentJudgement,
    ExperimentRecord,
    HealerRecord,
    Journal,
    TrialJudgement,
    TrialRecord,
)
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict
from tests.drawing import draw


def budgets(**bounds: float) -> tuple[Budget, ...]:
    """Budgets in the measures' own units."""
    return tuple(
        Budget(measure=name, bound=bound, text=_text(name, bound)) for name, bound in bounds.items()
    )


def experiment(**fields: Any) -> ExperimentRecord:
    """An experiment of five trials with a recovery budget of one second."""
    plain: dict[str, Any] = {
        "name": "shop/crash",
        "title": "A crash is survived",
        "description": "",
        "file": "experiments/shop/crash.yaml",
        "target": "shop",
        "rate_hz": 10.0,
        "timeout_s": 0.3,
        "baseline_s": 3.0,
        "watch_s": 30.0,
        "stable_s": 0.3,
        "plan": "pr",
        "runs": 5,
        "allow": 0,
        "budgets": budgets(recovery=1.0),
        "healers": (
            HealerRecord(name="proxy", kind="haproxy-check"),
            HealerRecord(name="engine", kind="docker-restart"),
        ),
    }
    return ExperimentRecord(**{**plain, **fields})


def trial(index: int = 1, **fields: Any) -> TrialRecord:
    """A trial that ran as it should."""
    plain: dict[str, Any] = {
        "index": index,
        "folder": f"trials/{index}",
        "phase_offset_s": 0.0,
        "picked": ("web-1",),
        "chaostoolkit": {
            "status": "completed",
            "deviated": False,
            "failed_activities": [],
            "failed_rollbacks": [],
            "failed_controls": [],
            "steady_before": True,
            "steady_after": True,
        },
    }
    return TrialRecord(**{**plain, **fields})


def toolkit(**facts: Any) -> Mapping[str, Any]:
    """What Chaos Toolkit said of a trial, one thing different."""
    return {**trial().chaostoolkit, **facts}


def judged(
    drawing: str | Timeline, record: TrialRecord | None = None, **fields: Any
) -> TrialJudgement:
    """The judgement over one drawn trial."""
    timeline = draw(drawing) if isinstance(drawing, str) else drawing
    return judge_trial(record or trial(), experiment(**fields), timeline)


def verdicts(*found: Verdict, recovery_s: float = 0.71, **fields: Any) -> ExperimentRecord:
    """An experiment whose trials came to these verdicts."""
    recovery = Measured(
        measure="recovery", unit=Unit.SECONDS, low=recovery_s - 0.02, high=recovery_s + 0.02
    )
    trials = tuple(
        trial(
            i,
            judgement=TrialJudgement(
                verdict=one, reason=f"reason {i}", measures=(recovery,) if one.good else ()
            ),
        )
        for i, one in enumerate(found, 1)
    )
    return experiment(trials=trials, **fields)


def journal(*experiments: ExperimentRecord, **fields: Any) -> Journal:
    """A run that ended."""
    plain: dict[str, Any] = {
        "run_id": "r1",
        "chaoskit": "0.1.0",
        "command": "chaoskit run x.yaml --seed 1",
        "seed": 1,
        "anchor": Anchor(wall="2026-01-01T00:00:00Z", wall_ns=0, mono_ns=0),
        "ended_wall": "2026-01-01T00:01:00Z",
        "experiments": experiments,
    }
    return Journal(**{**plain, **fields})


def _text(name: str, bound: float) -> str:
    measure = catalogue().get(name)
    if measure is None or measure.unit is Unit.COUNT:
        return f"{bound:g}"
    return f"{100 * bound:g}%" if measure.unit is Unit.RATIO else f"{bound:g}s"


def judgement_of(verdict: Verdict, *, passed: bool, **fields: Any) -> ExperimentJudgement:
    """What all trials of an experiment say together."""
    return ExperimentJudgement(verdict=verdict, passed=passed, sentence="So it was.", **fields)
