"""Experiments in, Plan out: pure, and the same for the same files and seed."""

import re
from collections.abc import Mapping, Sequence

from chaoskit.faults.base import catalogue
from chaoskit.faults.parts.fitted import fittings_of
from chaoskit.model.experiment import Experiment, FaultUse
from chaoskit.model.fittings import Fitting
from chaoskit.model.quantities import parse_duration
from chaoskit.model.target import TargetSpec
from chaoskit.model.verdict import Verdict
from chaoskit.plan.chance import chance
from chaoskit.plan.plan import Group, Plan, PlannedExperiment
from chaoskit.plan.trials import overridden, spares

# Settings by which healers look at the world again and again; others (a time-out, a lease) are not
# periods, and a fault need not be spread over them.
_PERIODS = r"(?i)(.*_)?(inter|interval|fastinter|downinter|period|every|loop_wait|poll|tick)"
_DEFAULT_PERIOD_S = 1.0


def compile_plan(
    experiments: Sequence[Experiment],
    targets: Mapping[str, TargetSpec],
    *,
    seed: int,
    trials: int | None = None,
) -> Plan:
    """The plan of a run: experiments grouped by what is started, in the order they were given in.

    Those that need fittings get a copy of the target of their own, so that all others meet the
    target as it is.

    `targets` has the target of each experiment, by the name that the experiment uses. `trials`
    overrides the number of runs of every experiment; when it cuts them, none may miss a budget.
    Raises InputError when so few could never prove what an experiment is to prove.
    """
    together: dict[tuple[str, tuple[Fitting, ...]], list[PlannedExperiment]] = {}
    for one in experiments:
        planned = _planned(one, targets[one.target], seed, trials)
        together.setdefault((one.target, planned.fittings), []).append(planned)
    groups = tuple(
        Group(
            target=name,
            title=targets[name].title,
            start_max_s=targets[name].ready_timeout_s,
            experiments=tuple(members),
        )
        for (name, _), members in together.items()
    )
    return Plan(seed=seed, groups=groups)


def healing_period_s(target: TargetSpec) -> float:
    """The longest period at which a healer of the target looks; 1 s when none says one."""
    periods = [
        seconds
        for healer in target.healers
        for key, value in healer.settings.items()
        if re.fullmatch(_PERIODS, str(key)) and (seconds := _seconds(value)) > 0
    ]
    return max(periods, default=_DEFAULT_PERIOD_S)


def offsets_s(seed: int, name: str, runs: int, period_s: float) -> tuple[float, ...]:
    """Extra waits before the faults of an experiment's trials: one in each n-th of the period.

    Trials at a fixed phase of a healer's timer would all measure the same luck. Strata are visited
    in a random order, so that the trials that an early stop leaves out are not all late phases.
    """
    strata = list(range(runs))
    chance(seed, name, "order").shuffle(strata)
    return tuple(
        (stratum + chance(seed, name, "offset", trial).random()) / runs * period_s
        for trial, stratum in enumerate(strata)
    )


def _planned(
    experiment: Experiment, target: TargetSpec, seed: int, trials: int | None
) -> PlannedExperiment:
    plan = overridden(experiment.trials, trials)
    runs, period_s = plan.runs, healing_period_s(target)
    offsets = offsets_s(seed, experiment.name, runs, period_s)
    phases, pauses_s = experiment.phases, _pauses_s(experiment)
    phases_s = runs * (phases.baseline_s + pauses_s)
    fixed_s = phases_s + sum(offsets)
    kinds = catalogue()
    hopeless = experiment.expect is Verdict.NOT_HEALED  # then the whole watch is waited for
    watched_s = runs * (phases.watch_s if hopeless else phases.stable_s)
    return PlannedExperiment(
        experiment=experiment,
        runs=runs,
        allow=plan.allow,
        plan_name=plan.name,
        offsets_s=offsets,
        spare_offsets_s=tuple(
            chance(seed, experiment.name, "spare", number).random() * period_s
            for number in range(spares(runs))
        ),
        claim=plan.claim,
        until_decided=plan.until_decided,
        touches=tuple(dict.fromkeys(map(_touched, experiment.faults))),
        needs=tuple(sorted({need for one in experiment.faults for need in kinds[one.fault].needs})),
        fittings=fittings_of(experiment.faults),
        min_s=fixed_s + watched_s,
        max_s=fixed_s + runs * phases.watch_s + (runs - 1) * phases.settle_s,
        estimate_s=phases_s + runs * period_s / 2 + watched_s,
    )


def _touched(fault: FaultUse) -> str:
    service, pick = fault.arguments.get("service"), fault.arguments.get("pick", "any")
    if pick in {"any", "all"}:
        return f"{'one' if pick == 'any' else 'every'} instance of {service}"
    return str(pick) if str(pick).startswith(f"{service}-") else f"the {pick} of {service}"


def _pauses_s(experiment: Experiment) -> float:
    """The method's own waits, where they are written as numbers."""
    total = 0.0
    for activity in experiment.document["method"]:
        for value in activity.get("pauses", {}).values():
            total += value if isinstance(value, (int, float)) else 0.0
    return total


def _seconds(value: object) -> float:
    try:
        return parse_duration(value)
    except ValueError:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if is_number else 0.0  # type: ignore[arg-type]  # is_number says so
