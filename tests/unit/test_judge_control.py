"""The arm without a fault: whatever is seen in it was not the fault's doing."""

from dataclasses import replace

import pytest

from chaoskit.judge import enough, judge_all, judge_control, judge_experiment, judge_one
from chaoskit.judge.journal import exit_code_of
from chaoskit.judge.proof import proofs_of
from chaoskit.model.journal import HealerRecord
from chaoskit.model.marks import Mark, MarkKind, sort_marks
from chaoskit.model.proof import Arm, ArmKind, ProofState
from chaoskit.model.verdict import Verdict
from tests.drawing import PERIOD_S, T0, draw
from tests.judging import budgets, experiment, journal, trial, verdicts

STEADY = "." * 10
NO_FAULT = Arm(of="shop/crash", kind=ArmKind.NO_FAULT)
ITSELF = Arm(of="shop/crash", kind=ArmKind.ON)
OFF = Arm(of="shop/crash", kind=ArmKind.OFF, healer="proxy")


def control(drawing, record=None, **fields):
    """The judgement over a drawn trial whose watch begins after ten rounds."""
    timeline = draw(drawing)
    watch = Mark(
        at_ns=T0 + round((len(STEADY) - 0.5) * PERIOD_S * 1e9), kind=MarkKind.PHASE, detail="watch"
    )
    timeline = replace(timeline, marks=sort_marks((*timeline.marks, watch)))
    return judge_control(record or trial(picked=()), experiment(**fields), timeline)


def arm(which, *found, **fields):
    """An arm whose trials came to these verdicts, judged."""
    record = replace(verdicts(*found, **fields), arm=which, name=which.name, runs=len(found))
    return replace(record, judgement=judge_all(record))


def test_a_steady_target_that_nobody_touches_is_clean():
    judgement = control(f"{STEADY}>....................|....")

    assert judgement.verdict is Verdict.CLEAN
    assert judgement.measured("availability").low == 1.0
    assert judgement.measured("recovery").high == 0.0
    assert judgement.measured("detection") is None


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        pytest.param(".....x..........|..", "1 of 16 rounds were bad", id="one bad ask"),
        pytest.param(".....t..........|..", "rounds were bad", id="one that timed out"),
        pytest.param(".....<.....>.....|..", "strength was lost", id="strength lost and back"),
        pytest.param(".....D...........|..", "proxy noticed something", id="a healer noticed"),
        pytest.param(".....B...........|..", "engine noticed something", id="a healer acted"),
    ],
)
def test_whatever_is_seen_without_a_fault_is_a_false_alarm(watch, said):
    judgement = control(STEADY + watch)

    assert judgement.verdict is Verdict.FALSE_ALARM
    assert said in judgement.reason


def test_an_arm_in_which_the_cluster_was_not_heard_is_neither_clean_nor_an_alarm():
    judgement = control(STEADY + ">....(...)......|..")

    assert judgement.verdict is Verdict.OBSERVER_LATE
    assert judgement.reason == "the cluster was not heard for 300 ms of the watch"


def test_a_budget_that_is_missed_without_a_fault_is_a_false_alarm():
    judgement = control(f"{STEADY}................|..", budgets=budgets(latency_p99=0.005))

    assert judgement.verdict is Verdict.FALSE_ALARM
    assert "latency p99" in judgement.reason
    assert "with no fault" in judgement.reason


def test_nobody_has_to_notice_a_fault_that_is_not_there():
    judgement = control(f"{STEADY}................|..", budgets=budgets(detection=0.1))

    assert judgement.verdict is Verdict.CLEAN
    assert judgement.checks == ()


@pytest.mark.parametrize(
    ("drawing", "verdict"),
    [
        pytest.param(f"{STEADY}????????????????|..", Verdict.OBSERVER_LATE, id="we were late"),
        pytest.param(f"...xxx....{'.' * 16}|..", Verdict.BASELINE_NOT_MET, id="not steady before"),
        pytest.param(f"{STEADY}......../", Verdict.INTERRUPTED, id="never ended"),
    ],
)
def test_a_control_that_nobody_could_see_tells_nothing(drawing, verdict):
    assert control(drawing).verdict is verdict


def test_a_bad_ask_of_the_settling_is_not_the_watchs():
    assert control(f"{STEADY}................|..x..").verdict is Verdict.CLEAN


def test_an_unplayed_method_does_not_make_the_control_interrupted():
    record = trial(picked=(), chaostoolkit={"status": "aborted", "steady_before": True})

    assert control(f"{STEADY}................|..", record).verdict is Verdict.CLEAN


def test_a_fault_in_the_arm_without_one_is_a_defect():
    record = trial(mechanisms=("SIGKILL",))

    assert control(f"{STEADY}................|..", record).verdict is Verdict.HARNESS_ERROR


def test_each_arm_has_its_own_judge():
    timeline = draw(f"{STEADY}!.................|..")
    with_arm = experiment(arm=NO_FAULT)

    assert judge_one(trial(), experiment(), timeline).verdict is Verdict.MASKED
    assert judge_one(trial(picked=()), with_arm, timeline).verdict is Verdict.INTERRUPTED


def test_one_false_alarm_spoils_the_arm_and_the_share_is_told():
    found = arm(NO_FAULT, *[Verdict.CLEAN] * 4, Verdict.FALSE_ALARM)

    assert found.judgement.verdict is Verdict.FALSE_ALARM
    assert not found.judgement.passed
    assert "4 of 5 runs without a fault were clean" in found.judgement.sentence


def test_every_run_without_a_fault_is_made_even_after_a_false_alarm():
    record = replace(verdicts(Verdict.FALSE_ALARM), arm=NO_FAULT, runs=3)

    assert not enough(record)
    assert enough(replace(record, runs=1))
    assert enough(replace(verdicts(Verdict.HARNESS_ERROR), arm=NO_FAULT, runs=3))


def test_runs_that_tell_nothing_do_not_count_as_clean():
    found = arm(NO_FAULT, Verdict.CLEAN, Verdict.OBSERVER_LATE)

    assert found.judgement.verdict is Verdict.OBSERVER_LATE
    assert not found.judgement.passed


@pytest.mark.parametrize(
    ("verdict", "required", "passed"),
    [
        (Verdict.NOT_HEALED, True, True),
        (Verdict.OVER_BUDGET, True, True),
        (Verdict.MASKED, True, False),
        (Verdict.HEALED, True, False),
        (Verdict.HEALED, False, True),
        (Verdict.OBSERVER_LATE, True, False),
    ],
)
def test_an_arm_without_its_healer_must_fail(verdict, required, passed):
    found = arm(replace(OFF, required=required), verdict)

    assert (found.judgement.verdict, found.judgement.passed) == (verdict, passed)


def proof_of(*records):
    (proof,) = proofs_of(journal(*records))
    return proof


def arms(itself=Verdict.HEALED, clean=Verdict.CLEAN, off=Verdict.NOT_HEALED, **fields):
    fields = {"healed_by": ("proxy",), **fields}
    return (
        arm(NO_FAULT, clean),
        arm(ITSELF, itself, **fields),
        *([arm(OFF, off)] if off else []),
    )


def test_an_experiment_is_proven_when_every_arm_behaved():
    proof = proof_of(*arms())

    assert proof.state is ProofState.PROVEN
    assert "without proxy it fails (not healed)" in proof.reason
    assert exit_code_of(journal(*arms())) == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"off": Verdict.MASKED}, "does not fail without proxy", id="masked without"),
        pytest.param({"clean": Verdict.FALSE_ALARM}, "0 of 1 runs without", id="false alarm"),
        pytest.param({"itself": Verdict.TOO_SLOW}, "does not pass as it is", id="fails anyway"),
        pytest.param({"healed_by": (), "off": None, "healers": ()}, "names no healer", id="nobody"),
    ],
)
def test_an_arm_that_did_not_behave_makes_the_experiment_worth_nothing(fields, said):
    proof = proof_of(*arms(**fields))

    assert proof.state is ProofState.FAILED
    assert said in proof.reason
    assert exit_code_of(journal(*arms(**fields))) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"off": None}, id="not tried"),
        pytest.param({"off": Verdict.OBSERVER_LATE}, id="late without the healer"),
        pytest.param({"clean": Verdict.OBSERVER_LATE}, id="late without the fault"),
    ],
)
def test_an_arm_that_tells_nothing_leaves_it_unproven(fields):
    assert proof_of(*arms(**fields)).state is ProofState.UNPROVEN
    assert exit_code_of(journal(*arms(**fields))) == 3


def test_an_experiment_that_names_no_healer_is_proven_by_any_arm_that_fails():
    tried = arm(replace(OFF, required=False), Verdict.NOT_HEALED)

    assert proof_of(*arms(healed_by=(), off=None), tried).state is ProofState.PROVEN


def test_a_run_that_ended_before_any_healer_was_off_leaves_it_unproven():
    fixed, other = (
        HealerRecord(name="proxy", kind="haproxy-check", can_be_off=off) for off in (False, True)
    )
    cut_short = proof_of(*arms(healed_by=(), off=None, healers=(other,)))

    assert cut_short.state is ProofState.UNPROVEN
    assert "was not tried with any switched off" in cut_short.reason
    assert proof_of(*arms(healed_by=(), off=None, healers=(fixed,))).state is ProofState.FAILED


def test_a_negative_control_is_its_own_control():
    records = arms(itself=Verdict.NOT_HEALED, off=None, expect=Verdict.NOT_HEALED)

    assert proof_of(*records).state is ProofState.PROVEN
    assert "its own run is its control" in proof_of(*records).reason


def test_a_run_without_arms_has_no_proofs():
    record = verdicts(Verdict.HEALED)

    assert proofs_of(journal(replace(record, judgement=judge_experiment(record)))) == ()
