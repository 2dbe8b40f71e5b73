"""What the arms of an experiment say together: proven, failed, or not told yet.

Proven: every run without a fault was clean, the experiment itself passed, and it failed with each of
its healers switched off. An experiment that expects a failure is its own control.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chaoskit.model.journal import ExperimentRecord, Journal, TrialJudgement
from chaoskit.model.measures import Measured
from chaoskit.model.proof import ArmKind, ArmResult, Proof, ProofState

_FIGURES = (
    "availability",
    "impact",
    "latency_p99",
    "outage",
    "recovery",
    "redundancy",
)


class Findings(NamedTuple):
    """What speaks against a proof, and what is missing for one."""

    against: list[str]
    missing: list[str]


def proofs_of(journal: Journal) -> tuple[Proof, ...]:
    """One proof for each experiment whose arms are in a judged journal."""
    arms: dict[str, list[ExperimentRecord]] = {}
    for record in journal.experiments:
        if record.arm is not None and record.judgement is not None:
            arms.setdefault(record.arm.of, []).append(record)
    return tuple(_proof(records, journal) for records in arms.values())


def _proof(records: list[ExperimentRecord], journal: Journal) -> Proof:
    results = {one.name: result_of_arm(one) for one in records}
    itself = next((one for one in records if _kind(one) is ArmKind.ON), records[0])
    found = Findings([], [])
    _look(itself, tuple(results.values()), found)
    state, reason = _state(itself, tuple(results.values()), found)
    return Proof(
        experiment=itself.arm.of if itself.arm else itself.name,
        title=itself.title,
        target=itself.target,
        experiment_hash=itself.hash,
        target_hash=itself.target_hash,
        budgets={one.measure: one.text for one in itself.budgets},
        faults=tuple(dict.fromkeys(one.fault for one in itself.faults)),
        expect=itself.expect,
        healed_by=itself.healed_by,
        healers=tuple(one.name for one in itself.healers),
        watch_s=itself.watch_s,
        state=state,
        reason=reason,
        run=journal.run_id,
        at=journal.anchor.wall,
        machine=str(journal.environment.get("host", "")),
        chaoskit=journal.chaoskit,
        arms=tuple(results.values()),
    )


def result_of_arm(record: ExperimentRecord) -> ArmResult:
    """How one arm came out."""
    arm, judgement = record.arm, record.judgement
    assert arm is not None, "only arms have results"
    assert judgement is not None, "a journal is judged before it is read"
    trials = [one.judgement for one in record.trials if one.judgement is not None]
    valid = [one for one in trials if one.verdict.conclusive]
    telling = [one for one in valid if one.verdict is judgement.verdict] or valid
    return ArmResult(
        kind=arm.kind,
        healer=arm.healer,
        required=arm.required,
        verdict=judgement.verdict,
        behaved=judgement.passed if judgement.verdict.conclusive else None,
        trials=len(valid),
        good=sum(one.verdict.good for one in valid),
        reason=judgement.sentence,
        missed=tuple(
            dict.fromkeys(
                check.budget.measure for one in valid for check in one.checks if check.kept is False
            )
        ),
        acted=_acted(telling[0]) if telling else (),
        figures=_figures(telling[0]) if telling else (),
    )


def _kind(record: ExperimentRecord) -> ArmKind | None:
    return record.arm.kind if record.arm else None


def _look(itself: ExperimentRecord, arms: tuple[ArmResult, ...], found: Findings) -> None:
    """Everything that keeps the experiment from being proven."""
    for kind, what in ((ArmKind.NO_FAULT, "the run without a fault"), (ArmKind.ON, "itself")):
        mine = next((one for one in arms if one.kind is kind), None)
        if mine is None:
            found.missing.append(f"{what} is missing")
        elif mine.behaved is None:
            found.missing.append(f"{what} tells nothing: {mine.reason}")
        elif not mine.behaved and kind is ArmKind.NO_FAULT:
            found.against.append(mine.reason)
        elif not mine.behaved:
            found.against.append(f"it does not pass as it is: {mine.reason}")
    if itself.expect is None or not itself.expect.against:
        _look_at_healers(itself, {one.healer: one for one in arms if one.healer}, found)


def _look_at_healers(itself: ExperimentRecord, off: dict[str, ArmResult], found: Findings) -> None:
    if not itself.healed_by and not any(one.verdict.against for one in off.values()):
        untold = [one.reason for one in off.values() if one.behaved is None]
        if not off and any(one.can_be_off for one in itself.healers):
            untold = ["it names no healer, and was not tried with any switched off"]
        found.missing.extend(untold)
        if not untold:
            found.against.append(
                "it names no healer, and it was not seen to fail with any switched off"
                if off
                else "it names no healer, and no healer of its target can be switched off"
            )
    for healer in itself.healed_by:
        arm = off.get(healer)
        if arm is None:
            found.missing.append(f"it was not tried with {healer} switched off")
        elif arm.behaved is None:
            found.missing.append(f"without {healer}, it tells nothing: {arm.reason}")
        elif not arm.verdict.against:
            found.against.append(f"it does not fail without {healer}: {arm.verdict.value}")


def _state(
    itself: ExperimentRecord, arms: tuple[ArmResult, ...], found: Findings
) -> tuple[ProofState, str]:
    if found.against:
        return ProofState.FAILED, "; ".join(found.against + found.missing)
    if found.missing:
        return ProofState.UNPROVEN, "; ".join(found.missing)
    return ProofState.PROVEN, "; ".join(_proven(itself, arms))


def _proven(itself: ExperimentRecord, arms: tuple[ArmResult, ...]) -> Iterator[str]:
    for one in arms:
        if one.kind is ArmKind.NO_FAULT:
            yield f"{one.good} of {one.trials} runs without a fault were clean"
    for one in arms:
        if one.kind is ArmKind.OFF and one.verdict.against:
            yield f"without {one.healer} it fails ({one.verdict.value.replace('_', ' ')})"
    if itself.expect is not None and itself.expect.against:
        found = itself.expect.value.replace("_", " ")
        yield f"it expects a failure and fails ({found}): its own run is its control"


def _acted(judgement: TrialJudgement) -> tuple[str, ...]:
    acts = [one for one in judgement.acts if one.acted_s is not None]
    return tuple(one.healer for one in sorted(acts, key=lambda one: one.acted_s or 0.0))


def _figures(judgement: TrialJudgement) -> tuple[Measured, ...]:
    found = (judgement.measured(name) for name in _FIGURES)
    return tuple(one for one in found if one is not None)
