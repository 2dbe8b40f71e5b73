"""Which arms an experiment needs to be proven, and the plan of a run of them.

Every arm is the experiment itself with one thing different, so that nothing else can explain a
different verdict. Arms with every healer share one start of the target.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chaoskit.model.experiment import Experiment, TrialPlan
from chaoskit.model.fittings import Fitting
from chaoskit.model.proof import Arm, ArmKind
from chaoskit.model.target import TargetSpec
from chaoskit.plan.compile import compile_plan
from chaoskit.plan.plan import Group, Plan, PlannedExperiment

DEFAULT_AA = 3  # runs without a fault
DEFAULT_TRIALS = 1  # of every other arm

# Target, overrides, fittings, and the arm that must be alone.
_Start = tuple[str, tuple[str, ...], tuple[Fitting, ...], str]

_SETTLE_S = 2.0  # after the lift, on top of `stable`, where a healer is off

# Without a fault there is nothing to notice; every other budget must hold all the more.
_NEEDS_A_FAULT = {"detection"}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is tried."""

    aa: int = DEFAULT_AA
    trials: int = DEFAULT_TRIALS
    every_healer: bool = False  # also those that the experiment does not name


def arms_of(experiment: Experiment, target: TargetSpec, *, every_healer: bool) -> tuple[Arm, ...]:
    """The arms of one experiment, in the order in which they are told.

    A negative control (`expect:` evidence against the system) is its own control: it fails already,
    so no healer is switched off. An experiment that names no healer is tried without each in turn;
    one of these arms has to fail. A healer without an `off` file cannot be tried.
    """
    arms = [
        Arm(of=experiment.name, kind=ArmKind.NO_FAULT),
        Arm(of=experiment.name, kind=ArmKind.ON),
    ]
    if experiment.expect is not None and experiment.expect.against:
        return tuple(arms)
    named = experiment.healed_by
    off = (
        Arm(
            of=experiment.name,
            kind=ArmKind.OFF,
            healer=healer.name,
            overrides=(str(target.folder / healer.off),),
            required=healer.name in named,
        )
        for healer in target.healers
        if healer.off and (every_healer or not named or healer.name in named)
    )
    return (*arms, *off)


def as_arm(experiment: Experiment, arm: Arm, effort: Effort) -> Experiment:
    """The experiment as an arm runs it."""
    runs = effort.aa if arm.faultless else effort.trials
    changed = replace(
        experiment, name=arm.name, trials=TrialPlan(name=_plan_name(runs), runs=runs), slo=None
    )
    match arm.kind:
        case ArmKind.ON:
            return changed
        case ArmKind.OFF:
            # What is switched off will not bring full strength back: nobody waits for it.
            phases, least_s = experiment.phases, experiment.phases.stable_s + _SETTLE_S
            return replace(
                changed,
                title=f"{experiment.title} (with {arm.healer} switched off)",
                phases=replace(phases, settle_s=min(phases.settle_s, least_s)),
            )
        case ArmKind.NO_FAULT:
            budgets = tuple(one for one in experiment.budgets if one.measure not in _NEEDS_A_FAULT)
            title = f"{experiment.title} (without the fault)"
            return replace(changed, title=title, budgets=budgets, healed_by=(), expect=None)


def compile_proof(
    experiments: Sequence[Experiment],
    targets: Mapping[str, TargetSpec],
    *,
    seed: int,
    effort: Effort,
) -> Plan:
    """The plan of a run that proves experiments: every arm of each, grouped by what is started.

    An arm without a healer has a start of its own: nobody repairs what it leaves behind, such as jobs
    that are stuck for good, and the next arm's baseline would not be met.
    """
    groups: dict[_Start, list[PlannedExperiment]] = {}
    for target, arm, experiment in _all_arms(experiments, targets, effort):
        (group,) = compile_plan([experiment], targets, seed=seed).groups
        (planned,) = group.experiments
        alone = arm.name if arm.overrides else ""
        key = (target, arm.overrides, planned.fittings, alone)
        groups.setdefault(key, []).append(replace(planned, arm=arm))
    # All groups of a target one after the other, the target as it is first.
    order = list(dict.fromkeys(target for target, *_ in groups))
    return Plan(
        seed=seed,
        groups=tuple(
            Group(
                target=target,
                title=targets[target].title,
                overrides=tuple(map(Path, overrides)),
                start_max_s=targets[target].ready_timeout_s,
                experiments=tuple(members),
            )
            for (target, overrides, *_), members in sorted(
                groups.items(), key=lambda item: (order.index(item[0][0]), bool(item[0][1]))
            )
        ),
    )


def _all_arms(
    experiments: Sequence[Experiment], targets: Mapping[str, TargetSpec], effort: Effort
) -> Iterator[tuple[str, Arm, Experiment]]:
    for one in experiments:
        for arm in arms_of(one, targets[one.target], every_healer=effort.every_healer):
            yield one.target, arm, as_arm(one, arm, effort)


def _plan_name(runs: int) -> str:
    return f"{runs} run{'s' if runs != 1 else ''} of this arm"
