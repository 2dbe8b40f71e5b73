"""Comparing two builds: what is worse, what is the same, and what few trials cannot tell."""

import json
import random
from dataclasses import replace

import pytest

from chaoskit.comparison import compare, read_side, side_of
from chaoskit.errors import InputError
from chaoskit.model import codec
from chaoskit.model import side as sides
from chaoskit.model.comparison import Change, Method
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.proof import Arm, ArmKind
from chaoskit.model.verdict import Verdict
from tests.comparing import Beyond, made, run_of

FIVE = (1.00, 1.02, 0.98, 1.04, 1.01)
SLOW = (1.60, 1.62, 1.58, 1.64, 1.61)


def compared(before, after):
    before = before if isinstance(before, list) else [before]
    after = after if isinstance(after, list) else [after]
    return compare(side_of(run_of(*before)), side_of(run_of(*after, run_id="b")))


def row(comparison, measure="recovery", pair=0):
    (found,) = [one for one in comparison.pairs[pair].rows if one.measure == measure]
    return found


def plus(values, shift):
    return tuple(one + shift for one in values)


@pytest.mark.parametrize(
    ("measure", "before", "after", "change"),
    [
        pytest.param("recovery", FIVE, plus(FIVE, 0.6), Change.SLOWER, id="slower"),
        pytest.param("recovery", FIVE, plus(FIVE, -0.6), Change.FASTER, id="faster"),
        pytest.param("recovery", FIVE, FIVE, Change.SAME, id="the same"),
        pytest.param("recovery", FIVE, plus(FIVE, 0.08), Change.SAME, id="too little to matter"),
        pytest.param(
            "recovery", FIVE, (0.9, 1.6, 1.0, 1.4, 1.2), Change.CANNOT_TELL, id="too wide"
        ),
        pytest.param("recovery", FIVE[:3], plus(FIVE, 9), Change.CANNOT_TELL, id="too few"),
        pytest.param("recovery", (0.0,) * 5, (0.0,) * 5, Change.SAME, id="masked, both"),
        pytest.param("recovery", (0.0,) * 5, FIVE, Change.SLOWER, id="masked no more"),
        pytest.param("recovery", FIVE, (Beyond(30),) * 5, Change.SLOWER, id="heals no more"),
        pytest.param("recovery", (Beyond(30),) * 5, FIVE, Change.FASTER, id="heals at last"),
        pytest.param(
            "recovery", (Beyond(30),) * 5, (Beyond(30),) * 5, Change.SAME, id="a weakness, still"
        ),
        pytest.param(
            "recovery", FIVE, (*FIVE[:4], Beyond(30)), Change.CANNOT_TELL, id="one of five"
        ),
        pytest.param("outage", FIVE, plus(FIVE, 0.6), Change.SLOWER, id="outage"),
        pytest.param("detection", FIVE, plus(FIVE, 0.6), Change.SLOWER, id="detection"),
        pytest.param("redundancy", FIVE, plus(FIVE, 0.6), Change.SLOWER, id="redundancy"),
        pytest.param(
            "availability", (0.99,) * 5, (0.95, 0.94, 0.95, 0.96, 0.95), Change.SLOWER,
            id="availability",
        ),
        pytest.param(
            "availability", (0.95, 0.94, 0.95, 0.96, 0.95), (1.0,) * 5, Change.FASTER,
            id="better availability",
        ),
        pytest.param(
            "availability", (0.999,) * 5, (0.998,) * 5, Change.SAME, id="thirty milliseconds"
        ),
        pytest.param("lost_writes", (0,) * 5, (0,) * 5, Change.SAME, id="nothing lost"),
        pytest.param("lost_writes", (0,) * 5, (0, 0, 3, 0, 0), Change.SLOWER, id="some lost"),
        pytest.param("lost_writes", (0,), (1,), Change.SLOWER, id="one lost is too many"),
        pytest.param("lost_writes", (9, 8, 9, 9, 7), (0,) * 5, Change.FASTER, id="no more lost"),
    ],
)  # fmt: skip
def test_what_can_be_said_of_one_measure(measure, before, after, change):
    found = compared(made(**{measure: before}), made(**{measure: after}))

    assert row(found, measure).change is change
    assert found.pairs[0].change is change
    assert found.regression is (change is Change.SLOWER)


def test_the_numbers_of_the_reference():
    before, after = (4.1, 4.4, 4.6, 5.0, 5.2), (5.1, 5.6, 5.9, 6.1, 6.4)
    one = row(compared(made(recovery=before), made(recovery=after)))

    assert one.method is Method.MANN_WHITNEY
    assert one.p_worse == pytest.approx(2 / 252)
    assert one.shift == pytest.approx(1.2)
    assert (one.low, one.high) == pytest.approx((0.4, 2.0))
    assert one.gate == pytest.approx(0.46)
    assert one.change is Change.CANNOT_TELL, "0.4 s is below the gate of 10 % of 4.6 s"


def test_the_log_rank_of_the_reference():
    before = (5, 6, 6.5, 7, 8, 9, 11, 12)
    after = (9, 10, 12, 13, 15, 18, Beyond(60), Beyond(60))
    one = row(compared(made(recovery=before), made(recovery=after)))

    assert one.method is Method.LOG_RANK
    assert one.p_worse == pytest.approx(0.00083, abs=5e-6)
    assert one.baseline_median == 7.5
    assert one.candidate_median == 13
    assert one.high is None, "nobody knows how long two of them would have taken"
    assert one.change is Change.SLOWER


def test_availability_is_shown_as_what_it_is():
    one = row(
        compared(made(availability=(0.99,) * 5), made(availability=(0.9,) * 5)), "availability"
    )

    assert one.shift == pytest.approx(-0.09)
    assert (one.low, one.high) == pytest.approx((-0.09, -0.09))
    assert one.gate == pytest.approx(0.3 / 30, abs=0.004)
    assert one.word == "worse"


def test_what_came_after_the_lift_was_not_done_by_the_system():
    late = made(recovery=FIVE)
    trials = tuple(
        replace(
            one,
            judgement=replace(
                one.judgement,
                measures=(
                    Measured(
                        measure="recovery", unit=Unit.SECONDS, low=10.0, high=10.1, after_lift=True
                    ),
                ),
            ),
        )
        for one in late.trials
    )
    found = row(compared(made(recovery=FIVE), replace(late, trials=trials)))

    assert found.method is Method.LOG_RANK
    assert found.change is Change.SLOWER


def test_void_trials_are_left_out_and_said():
    found = compared(made(recovery=FIVE), made(recovery=FIVE, verdict=Verdict.OBSERVER_LATE)).pairs[
        0
    ]

    assert found.change is Change.CANNOT_TELL
    assert "5 trials of B told nothing and are left out" in found.warnings


def test_too_few_values_are_told_apart_from_too_few_trials():
    few = row(compared(made(recovery=FIVE[:3]), made(recovery=FIVE)))
    unknown = row(
        compared(
            made(recovery=FIVE, detection=FIVE),
            made(recovery=FIVE, detection=(0.1, None, None, None, None)),
        ),
        "detection",
    )

    assert few.note == "too few trials to tell: 3 in A and 5 in B, 4 each are needed"
    assert "5 in A and 1 in B with a value" in unknown.note


def test_experiments_of_one_side_are_named():
    found = compared(
        [made("shop/a", recovery=FIVE), made("shop/b", recovery=FIVE)],
        [made("shop/b", recovery=FIVE), made("shop/c", recovery=FIVE)],
    )

    assert {one.name: one.change for one in found.pairs} == {
        "shop/a": Change.ONLY_A,
        "shop/b": Change.SAME,
        "shop/c": Change.ONLY_B,
    }
    assert not found.regression


def test_another_file_another_machine_and_an_unfinished_run_are_warned_about():
    other = replace(made(recovery=FIVE), hash="h2")
    before = run_of(made(recovery=FIVE), environment={"machine": "x86_64", "cores": "2"})
    after = run_of(
        other, run_id="b", environment={"machine": "x86_64", "cores": "8"}, ended_wall=""
    )
    found = compare(side_of(before), side_of(after))

    assert any("file is not the same" in one for one in found.pairs[0].warnings)
    assert any(
        "another kind of machine each: x86_64, 2 cores and x86_64, 8 cores" in one
        for one in found.warnings
    )
    assert any("run of B did not come to its end" in one for one in found.warnings)


def test_control_arms_are_not_the_experiment():
    whole = made("shop/crash--on", recovery=FIVE)
    off = made("shop/crash--off", recovery=SLOW)
    clean = made("shop/crash--no-fault", recovery=(0.0,) * 5)
    proof = run_of(
        replace(whole, arm=Arm(of="shop/crash", kind=ArmKind.ON)),
        replace(off, arm=Arm(of="shop/crash", kind=ArmKind.OFF, healer="proxy")),
        replace(clean, arm=Arm(of="shop/crash", kind=ArmKind.NO_FAULT)),
    )

    (found,) = side_of(proof).experiments.items()
    assert found[0] == "shop/crash"
    assert found[1].measures["recovery"].seen == FIVE


def test_a_run_compared_with_itself_is_said():
    side = side_of(run_of(made(recovery=FIVE)))

    assert compare(side, side).warnings == ("A and B are the same run",)


def test_one_alarm_in_a_large_suite_is_no_regression():
    names = [f"shop/{i}" for i in range(40)]
    jittered = (1.03, 0.97, 1.01, 0.99, 1.0)
    before = [made(name, recovery=FIVE) for name in names]
    after = [made(name, recovery=jittered) for name in names]
    after[0] = made(names[0], recovery=plus(FIVE, 0.6))
    found = compared(before, after)

    assert found.tests == 40
    assert found.pairs[0].change is Change.CANNOT_TELL
    assert "among 40 tests" in row(found).note


def test_masked_experiments_cost_the_others_nothing():
    names = [f"shop/{i}" for i in range(40)]
    before = [made(name, recovery=(0.0,) * 5) for name in names]
    after = [*before]
    before[0] = made(names[0], recovery=FIVE)
    after[0] = made(names[0], recovery=plus(FIVE, 0.6))
    found = compared(before, after)

    assert found.pairs[0].change is Change.SLOWER
    assert found.count(Change.SAME) == 39


def test_an_experiment_is_as_bad_as_its_worst_measure():
    found = compared(
        made(recovery=FIVE, redundancy=FIVE),
        made(recovery=plus(FIVE, -0.6), redundancy=plus(FIVE, 0.6)),
    )

    assert found.pairs[0].change is Change.SLOWER


def test_a_journal_a_folder_and_a_baseline_are_the_same_arm(tmp_path):
    run = run_of(made(recovery=FIVE, availability=(0.9, 1.0, 1.0, 1.0, 0.95)))
    journal = tmp_path / "journal.json"
    journal.write_text(codec.dump(run), encoding="utf-8")
    baseline = tmp_path / "baseline.json"
    baseline.write_text(sides.dump(side_of(run)), encoding="utf-8")

    assert read_side(tmp_path) == read_side(journal) == read_side(baseline) == side_of(run)


def test_a_baseline_is_small_and_reads_well_in_a_diff():
    text = sides.dump(side_of(run_of(made(recovery=FIVE))))

    assert len(text) < 1500
    assert list(json.loads(text)) == sorted(json.loads(text))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "does not exist", id="no file"),
        pytest.param("{", "ends in the middle", id="torn"),
        pytest.param('{"schema": "x"}', "not a journal of chaoskit", id="something else"),
        pytest.param('{"schema": "chaoskit/baseline/v1"}', "run: Field required", id="half of it"),
    ],
)
def test_what_is_neither_is_refused(tmp_path, content, message):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        read_side(path)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no journal"):
        read_side(tmp_path)


def test_false_alarms_are_rare_in_suites_without_a_difference():
    rng = random.Random(17)

    def suite():
        return [
            made(
                f"shop/{i}",
                recovery=[rng.lognormvariate(1, 0.4) for _ in range(5)],
                detection=[rng.lognormvariate(1, 0.4) for _ in range(5)],
                redundancy=[rng.lognormvariate(1, 0.4) for _ in range(5)],
            )
            for i in range(6)
        ]

    alarms = sum(compared(suite(), suite()).regression for _ in range(100))

    assert alarms <= 5 + 3 * (100 * 0.05 * 0.95) ** 0.5


def test_five_trials_show_a_large_regression_in_a_suite_of_six():
    names = [f"shop/{i}" for i in range(6)]
    jittered = (1.03, 0.97, 1.01, 0.99, 1.0)

    def suite(values, first):
        return [
            made(name, recovery=first if name == names[0] else values, outage=values)
            for name in names
        ]

    found = compared(suite(FIVE, FIVE), suite(jittered, plus(FIVE, 0.6)))

    assert found.pairs[0].change is Change.SLOWER
    assert row(found).adjusted_worse == pytest.approx(2 * 6 / 252)
