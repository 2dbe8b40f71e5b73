"""What was measured of each healer, beside the fastest that its settings allow.

Below the floor nothing can be: then the settings are not the live ones, the fault was not what was
measured, or we measured wrongly. Above it, mean / measured says how much is lost to something else
than the timers: the efficiency.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from chaoskit.healers.base import catalogue
from chaoskit.healers.floors import Floor, Span
from chaoskit.model.journal import (
    Act,
    ExperimentRecord,
    FloorRecord,
    HealerRecord,
    TrialJudgement,
)
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict
from chaoskit.stats.independence import lock

DETECTION, ACTION = "detection", "action"


def floor_of(experiment: ExperimentRecord, healer: HealerRecord) -> Floor | None:
    """The healer's floor about the experiment's fault; None when there is none to be had.

    A method with several faults has none, because the zero of all times is the first effect. Nor has
    a healer that is itself what was broken.
    """
    kind = catalogue().get(healer.kind)
    if kind is None or len(experiment.faults) != 1:
        return None
    fault = experiment.faults[0]
    services = healer.settings.get("services", ())
    watched = (services,) if isinstance(services, str) else tuple(services)
    is_hit = healer.service == fault.service and fault.fault not in kind.beside
    if is_hit or (watched and fault.service not in watched):
        return None
    share = max(1, experiment.redundancy.get(fault.service, 1))
    try:
        return kind.floor(healer.settings, fault.fault, asks_hz=experiment.rate_hz / share)
    except (ValueError, TypeError):
        return None  # a journal of other hands; target files are checked


def below_floor(experiment: ExperimentRecord, acts: Sequence[Act]) -> tuple[Verdict, str] | None:
    """Why a trial is void when a healer was seen faster than it can be.

    By the lower end of what was seen, and one period of the probes for the clocks.
    """
    for healer, step, span in _spans(experiment):
        found = next((one for one in acts if one.healer == healer.name), None)
        low_s = _seen(found, step)[0] if found else None
        if low_s is not None and low_s < span.best_s - 1 / experiment.rate_hz:
            did = "noticed" if step == DETECTION else "acted"
            return Verdict.HARNESS_ERROR, (
                f"{healer.name} {did} after {format_duration(low_s)}, and its settings allow no "
                f"less than {format_duration(span.best_s)}: they are not the live ones, or it "
                "was not this fault"
            )
    return None


def floor_records(
    experiment: ExperimentRecord, judged: Sequence[TrialJudgement]
) -> tuple[FloorRecord, ...]:
    """Each healer's floor beside what was measured in the valid trials."""
    return tuple(
        _record(experiment, healer, step, span, judged) for healer, step, span in _spans(experiment)
    )


def phase_locked(experiment: ExperimentRecord, judged: Sequence[TrialJudgement]) -> str:
    """Which healer's timer the faults were locked to, if any: then they all had the same luck."""
    for healer in experiment.healers:
        floor = floor_of(experiment, healer)
        if floor is None or not floor.uniform:
            continue
        seen = [(low + high) / 2 for low, high in _measured(healer.name, DETECTION, judged)]
        found = lock(seen, floor.detection.best_s, floor.detection.worst_s)
        if found:
            return f"{healer.name}: {found}"
    return ""


def _spans(experiment: ExperimentRecord) -> Iterator[tuple[HealerRecord, str, Span]]:
    for healer in experiment.healers:
        floor = floor_of(experiment, healer)
        if floor is not None:
            yield healer, DETECTION, floor.detection
            if floor.action is not None and floor.action != floor.detection:
                yield healer, ACTION, floor.action


def _record(
    experiment: ExperimentRecord,
    healer: HealerRecord,
    step: str,
    span: Span,
    judged: Sequence[TrialJudgement],
) -> FloorRecord:
    seen = _measured(healer.name, step, judged)
    slack_s = 1 / experiment.rate_hz
    middle_s = median((low + high) / 2 for low, high in seen) if seen else None
    floor = floor_of(experiment, healer)
    return FloorRecord(
        healer=healer.name,
        step=step,
        best_s=span.best_s,
        mean_s=span.mean_s,
        worst_s=span.worst_s,
        why=floor.why if floor else "",
        trials=len(seen),
        inside=sum(
            low >= span.best_s - slack_s and high <= span.worst_s + slack_s for low, high in seen
        ),
        measured_s=middle_s,
        efficiency=span.mean_s / middle_s if middle_s and span.mean_s else None,
    )


def _measured(
    healer: str, step: str, judged: Sequence[TrialJudgement]
) -> list[tuple[float, float]]:
    """The intervals in which a healer was seen, of the trials in which it was."""
    acts = [act for one in judged for act in one.acts if act.healer == healer]
    seen = [_seen(act, step) for act in acts]
    return [(low, high) for low, high in seen if low is not None and high is not None]


def _seen(act: Act, step: str) -> tuple[float | None, float | None]:
    """Between when and when, in seconds; a journal of an older version knows the end only."""
    low_s, high_s = (
        (act.detected_low_s, act.detected_s)
        if step == DETECTION
        else (act.acted_low_s, act.acted_s)
    )
    return (high_s if low_s is None else low_s), high_s
