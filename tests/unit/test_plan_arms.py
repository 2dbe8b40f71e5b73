"""Arms: the experiment itself with one thing different, and one start of the target for each."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaoskit.model.experiment import Budget
from chaoskit.model.proof import ArmKind
from chaoskit.model.verdict import Verdict
from chaoskit.plan.arms import Effort, arms_of, as_arm, compile_proof
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf

ROOT = Path(__file__).parents[2]
SHELF = TargetShelf(ROOT / "targets")
WEB = SHELF.load("replicated-web")
CRASH = load_experiment(ROOT / "experiments/replicated-web/crash-a-replica.yaml", SHELF)
HANG = load_experiment(ROOT / "experiments/replicated-web/hang-a-replica.yaml", SHELF)
CONTROL = load_experiment(ROOT / "experiments/restart-policy/hang.yaml", SHELF)


def slugs(experiment, target=WEB, *, every_healer=False):
    return [one.slug for one in arms_of(experiment, target, every_healer=every_healer)]


def test_every_named_healer_is_switched_off_once():
    assert slugs(CRASH) == ["no_fault", "on", "off-haproxy", "off-docker-restart"]
    assert slugs(HANG) == ["no_fault", "on", "off-haproxy"]


def test_healers_that_are_not_named_are_tried_on_demand_and_need_not_matter():
    arms = arms_of(HANG, WEB, every_healer=True)

    assert [(one.healer, one.required) for one in arms[2:]] == [
        ("haproxy", True),
        ("docker-restart", False),
    ]


def test_an_experiment_that_names_no_healer_is_tried_without_each():
    arms = arms_of(replace(HANG, healed_by=()), WEB, every_healer=False)

    assert [(one.healer, one.required) for one in arms[2:]] == [
        ("haproxy", False),
        ("docker-restart", False),
    ]


def test_a_negative_control_needs_no_healer_switched_off():
    assert slugs(CONTROL, SHELF.load("restart-policy")) == ["no_fault", "on"]
    masked = replace(HANG, expect=Verdict.MASKED)
    assert slugs(masked) == ["no_fault", "on", "off-haproxy"]


def test_a_healer_without_an_override_cannot_be_tried():
    healers = tuple(replace(one, off="") for one in WEB.healers)

    assert slugs(CRASH, replace(WEB, healers=healers)) == ["no_fault", "on"]


def test_the_arm_without_a_fault_keeps_every_budget_that_needs_none():
    budgets = (*CRASH.budgets, Budget(measure="outage", bound=1.0, text="1s"))
    crash = replace(CRASH, budgets=budgets)
    arm = as_arm(crash, arms_of(crash, WEB, every_healer=False)[0], Effort(aa=7))

    assert "detection" not in {one.measure for one in arm.budgets}
    assert {one.measure for one in arm.budgets} == {one.measure for one in budgets} - {"detection"}
    assert (arm.healed_by, arm.expect, arm.trials.runs) == ((), None, 7)
    assert arm.name == "replicated-web/crash-a-replica [no fault]"


def test_an_arm_without_a_healer_is_the_experiment_itself_and_does_not_wait_for_full_strength():
    off = arms_of(CRASH, WEB, every_healer=False)[2]
    arm = as_arm(CRASH, off, Effort(trials=3))

    assert (arm.budgets, arm.healed_by, arm.document) == (
        CRASH.budgets,
        CRASH.healed_by,
        CRASH.document,
    )
    assert arm.phases.settle_s < CRASH.phases.settle_s
    assert arm.phases.watch_s == CRASH.phases.watch_s
    assert arm.trials.runs == 3


def test_arms_with_every_healer_share_one_start_and_others_have_their_own():
    plan = compile_proof([CRASH, HANG], {"replicated-web": WEB}, seed=1, effort=Effort())
    started = [[path.name for path in group.overrides] for group in plan.groups]

    assert [started[0], *sorted(started[1:])] == [
        [],
        *[["compose.no-check.yaml"]] * 2,
        ["compose.no-restart.yaml"],
    ]
    kinds = [[one.arm.kind for one in group.experiments] for group in plan.groups]
    assert kinds == [
        [ArmKind.NO_FAULT, ArmKind.ON] * 2,
        *[[ArmKind.OFF]] * 3,
    ]
    assert all(path.is_file() for group in plan.groups for path in group.overrides)


def test_each_arm_has_a_name_of_its_own():
    plan = compile_proof([CRASH, HANG], {"replicated-web": WEB}, seed=1, effort=Effort())
    names = [one.experiment.name for one in plan.experiments]

    assert len(set(names)) == len(names)
    assert {one.arm.of for one in plan.experiments} == {CRASH.name, HANG.name}


@pytest.mark.parametrize(("aa", "trials"), [(1, 1), (13, 5)])
def test_the_effort_is_what_was_asked_for(aa, trials):
    effort = Effort(aa=aa, trials=trials)
    plan = compile_proof([CRASH], {"replicated-web": WEB}, seed=1, effort=effort)

    assert [one.runs for one in plan.experiments] == [aa, trials, trials, trials]
    assert all(one.allow == 0 for one in plan.experiments)
