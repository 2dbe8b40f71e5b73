"""What is written down of an experiment and its trials, as far as it is known."""

from collections.abc import Sequence
from dataclasses import replace

from chaoskit.faults.base import catalogue
from chaoskit.model.experiment import FaultUse
from chaoskit.model.journal import ExperimentRecord, FaultRecord, HealerRecord, TrialRecord
from chaoskit.model.marks import Mark, MarkKind
from chaoskit.model.target import Healer, TargetSpec
from chaoskit.plan.plan import PlannedExperiment
from chaoskit.plan.repository import in_repository


def record_of(planned: PlannedExperiment, spec: TargetSpec) -> ExperimentRecord:
    """An experiment's record before its first trial."""
    experiment = planned.experiment
    return ExperimentRecord(
        name=experiment.name,
        title=experiment.title,
        description=experiment.description,
        file=in_repository(experiment.path),
        line=next((one.line for one in experiment.faults if one.line), 1),
        hash=experiment.hash,
        target=spec.name,
        target_title=spec.title,
        target_hash=spec.hash,
        arm=planned.arm,
        tags=experiment.tags,
        ledger=experiment.ledger.kind if experiment.ledger else "",
        rate_hz=experiment.probing.rate_hz,
        timeout_s=experiment.probing.timeout_s,
        baseline_s=experiment.phases.baseline_s,
        watch_s=experiment.phases.watch_s,
        stable_s=experiment.phases.stable_s,
        plan=planned.plan_name,
        runs=planned.runs,
        allow=planned.allow,
        claim=planned.claim,
        until_decided=planned.until_decided,
        faults=tuple(map(_fault, experiment.faults)),
        budgets=experiment.budgets,
        healed_by=experiment.healed_by,
        expect=experiment.expect,
        slo=experiment.slo,
        healers=tuple(map(_healer, spec.healers)),
        redundancy={one.service: one.instances for one in spec.strengths},
        services=tuple(spec.services),
    )


def _fault(use: FaultUse) -> FaultRecord:
    kind = catalogue().get(use.fault)
    return FaultRecord(
        fault=use.fault,
        service=str(use.arguments.get("service", "")),
        family=kind.family if kind else "",
    )


def _healer(healer: Healer) -> HealerRecord:
    return HealerRecord(
        name=healer.name,
        kind=healer.kind,
        settings=healer.settings,
        service=healer.log.service if healer.log else "",
        can_be_off=bool(healer.off),
    )


def with_trial(experiment: ExperimentRecord, trial: TrialRecord) -> ExperimentRecord:
    """The record with this trial added, or replaced."""
    others = tuple(one for one in experiment.trials if one.index != trial.index)
    return replace(experiment, trials=(*others, trial))


def with_effects(record: TrialRecord, marks: Sequence[Mark]) -> TrialRecord:
    """The record with whom the faults hit, and how they were done."""
    effects = [one for one in marks if one.kind is MarkKind.IN_EFFECT]
    found = [one.data["mechanism"] for one in effects if "mechanism" in one.data]
    return replace(
        record,
        picked=tuple(dict.fromkeys(one.instance for one in effects if one.instance)),
        mechanisms=tuple(dict.fromkeys(found)),
    )
