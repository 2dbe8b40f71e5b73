"""How a watch over a live target asks, checked before anything is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from chaoskit.api.writing import http, slug_of
from chaoskit.errors import InputError
from chaoskit.model.experiment import Budget, Experiment, Phases, ProbeSpec, Probing
from chaoskit.model.journal import ExperimentRecord
from chaoskit.model.quantities import parse_duration
from chaoskit.model.target import TargetSpec
from chaoskit.model.verdict import Verdict
from chaoskit.plan.block_shape import EXPECTABLE
from chaoskit.plan.budgets import budgets_of
from chaoskit.plan.report import suggest
from chaoskit.run.folder import RunFolder
from chaoskit.run.recorder import Recorder
from chaoskit.run.running import Running

NOWHERE = ("<python>", 1)


class Settings(TypedDict, total=False):
    """How a watch asks; all of it has defaults."""

    probes: Sequence[Mapping[str, Any]]  # chaoskit.http(...); else the target's ready address
    rate: float  # asks a second of each probe
    timeout: str  # an ask that takes longer is bad
    baseline: str  # watched before any fault; must be steady
    stable: str  # all good for so long is recovered
    longest: str  # the longest wait for recovery
    healed_by: Sequence[str]  # the target's healers that must have done it
    budgets: Mapping[str, str | float]  # what check() holds it against, beside its own
    expect: str  # a known weakness: the verdict that must be reached, such as not_healed
    name: str  # what the report calls it
    place: tuple[str, int]  # file and line, for the report


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """What a watch works with."""

    experiment: Experiment  # without faults: those come
    line: int  # of its file
    target: Running
    recorder: Recorder
    run: RunFolder
    keep: Callable[[ExperimentRecord], None]  # is told what was seen, once it was judged


def arranged(settings: Settings, spec: TargetSpec, *, number: int) -> Experiment:
    """The settings as an experiment that says nothing yet about faults and budgets.

    Raises InputError.
    """
    if unknown := settings.keys() - Settings.__annotations__.keys():
        message = f"watch() has no setting {', '.join(sorted(unknown))}; {suggest('', Settings.__annotations__)}"
        raise InputError(message)
    file, _ = settings.get("place", NOWHERE)
    title = settings.get("name", f"watch {number}")
    return Experiment(
        name=f"{spec.name}/{number}-{slug_of(title)}",
        path=Path(file),
        title=title,
        description="",
        target=spec.name,
        probing=_probing(settings),
        phases=_phases(settings),
        budgets=bounds(settings.get("budgets", {})),
        healed_by=_healed_by(settings, spec),
        expect=expected(settings.get("expect")),
        slo=spec.slo,
        probes=_probes(settings, spec),
        document={},
        hash="",
    )


def bounds(written: Mapping[str, str | float]) -> tuple[Budget, ...]:
    """Budgets as they are written in Python. Raises InputError."""
    return budgets_of({name: str(value) for name, value in written.items()})


def expected(written: str | None) -> Verdict | None:
    """The verdict that must be reached. Raises InputError for one that no watch can come to."""
    if written is not None and written not in EXPECTABLE:
        message = f"expect: no verdict {written!r}; {suggest(str(written), EXPECTABLE)}"
        raise InputError(message)
    return Verdict(written) if written is not None else None


def _probing(settings: Settings) -> Probing:
    default = Probing()
    rate_hz = settings.get("rate", default.rate_hz)
    if isinstance(rate_hz, bool) or not 0 < rate_hz <= 1000:
        message = f"a rate of {rate_hz!r} asks a second; write a number above 0, up to 1000"
        raise InputError(message)
    return Probing(
        rate_hz=float(rate_hz), timeout_s=_seconds(settings, "timeout", default.timeout_s)
    )


def _phases(settings: Settings) -> Phases:
    default = Phases()
    return Phases(
        baseline_s=_seconds(settings, "baseline", default.baseline_s),
        watch_s=_seconds(settings, "longest", default.watch_s),
        stable_s=_seconds(settings, "stable", default.stable_s),
    )


def _seconds(settings: Settings, key: str, default_s: float) -> float:
    written = settings.get(key)
    if written is None:
        return default_s
    try:
        seconds = parse_duration(written)
    except ValueError as error:
        message = f"{key}: {error}"
        raise InputError(message) from error
    if seconds <= 0:
        message = f"{key}: must be longer than nothing, found {written!r}"
        raise InputError(message)
    return seconds


def _healed_by(settings: Settings, spec: TargetSpec) -> tuple[str, ...]:
    names = tuple(settings.get("healed_by", ()))
    for name in names:
        if spec.healer(name) is None:
            hint = suggest(name, [one.name for one in spec.healers])
            message = f"target {spec.name} declares no healer {name!r}; {hint}"
            raise InputError(message)
    return names


def _probes(settings: Settings, spec: TargetSpec) -> tuple[ProbeSpec, ...]:
    written = settings.get("probes")
    if not written and not spec.ready_url:
        message = (
            f"target {spec.name} has no ready probe, so say what is asked: "
            'probes=[chaoskit.http("${web_url}/")]'
        )
        raise InputError(message)
    return tuple(
        ProbeSpec(
            name=one["name"],
            kind=one["provider"]["type"],
            provider=one["provider"],
            tolerance=one.get("tolerance"),
        )
        for one in written or [http(spec.ready_url, called="ready")]
    )
