"""Plans: the same files and seed give the same plan, and its faults meet every phase of a healer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaoskit.model.experiment import TrialPlan
from chaoskit.model.target import Healer
from chaoskit.plan.chance import chance
from chaoskit.plan.compile import compile_plan, healing_period_s, offsets_s
from chaoskit.plan.describe import catalogue, describe_plan, plan_text
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf

TESTS = Path(__file__).parents[1]
SHELF = TargetShelf(TESTS / "bad" / "targets")
SHOP = SHELF.load("shop")
ONE = load_experiment(TESTS / "good" / "our-block.yaml", SHELF)
TWO = load_experiment(TESTS / "good" / "minimal.json", SHELF)


def plan_of(*experiments, seed=7, trials=None):
    targets = {one.target: SHOP for one in experiments}
    return compile_plan(experiments, targets, seed=seed, trials=trials)


@given(seed=st.integers(0, 2**32 - 1), runs=st.integers(1, 100), period_s=st.floats(0.001, 100))
def test_each_trial_has_a_stratum_of_the_period_to_itself(seed, runs, period_s):
    found = sorted(offsets_s(seed, "shop/x", runs, period_s))

    for number, offset_s in enumerate(found):
        assert number / runs * period_s <= offset_s * (1 + 1e-9)
        assert offset_s <= (number + 1) / runs * period_s * (1 + 1e-9)


def test_the_same_seed_gives_the_same_plan_and_another_one_another():
    assert plan_of(ONE, TWO) == plan_of(ONE, TWO)
    assert plan_of(ONE).experiments[0].offsets_s != plan_of(ONE, seed=8).experiments[0].offsets_s


def test_offsets_do_not_depend_on_the_other_experiments_of_a_run():
    together = {one.experiment.name: one.offsets_s for one in plan_of(TWO, ONE).experiments}

    assert together[ONE.name] == plan_of(ONE).experiments[0].offsets_s
    assert together[ONE.name][:2] != together[TWO.name][:2]


def test_chance_is_stable_across_versions_of_the_program():
    assert chance(42, "shop/crash", 3).random() == pytest.approx(0.009245486427344018)


def test_a_target_is_started_once_for_all_its_experiments():
    other = replace(ONE, target="other", name="other/x")
    plan = compile_plan(
        [ONE, other, TWO], {"shop": SHOP, "other": replace(SHOP, title="Other")}, seed=1
    )

    assert [group.target for group in plan.groups] == ["shop", "other"]
    assert [one.experiment.name for one in plan.experiments] == [ONE.name, TWO.name, "other/x"]
    assert plan.groups[0].start_max_s == 60.0


def test_an_experiment_that_needs_a_fitting_gets_a_start_of_its_own():
    fault = replace(
        ONE.faults[0], fault="clock_skew", arguments={"service": "web", "offset": "+1h"}
    )
    fitted = replace(ONE, name="shop/fitted", faults=(fault,))
    plain, other = plan_of(fitted, ONE, TWO).groups[1], plan_of(fitted, ONE, TWO).groups[0]

    assert [one.experiment.name for one in plain.experiments] == [ONE.name, TWO.name]
    assert plain.fittings == ()
    assert [str(one) for one in other.fittings] == ["clock of web"]


def test_the_plan_says_what_is_touched_and_what_it_needs():
    planned = plan_of(ONE).experiments[0]

    assert planned.touches == ("web-2", "the primary of db")
    assert planned.needs == ("firewall", "signal", "stop_named")
    assert plan_of(TWO).experiments[0].touches == ("one instance of web",)
    assert plan_of(ONE, TWO).needs == ("firewall", "signal", "stop_named")


@pytest.mark.parametrize(
    ("plan", "trials", "runs", "allow", "name"),
    [
        pytest.param(("merge", 22, 1), None, 22, 1, "merge", id="as it is"),
        pytest.param(("merge", 22, 1), 22, 22, 1, "merge", id="the same number"),
        pytest.param(("merge", 22, 1), 3, 3, 0, "merge, cut from 22 to 3 runs", id="fewer"),
        pytest.param(("merge", 22, 1), 30, 30, 1, "merge, raised from 22 to 30 runs", id="more"),
        pytest.param(("12 runs, 1 may miss", 12, 1), 1, 1, 0, "1 run, 0 may miss", id="unnamed"),
    ],
)
def test_trials_can_be_overridden_but_fewer_may_never_miss_as_many(plan, trials, runs, allow, name):
    one = replace(ONE, trials=TrialPlan(name=plan[0], runs=plan[1], allow=plan[2]))
    planned = plan_of(one, trials=trials).experiments[0]

    assert (planned.runs, planned.allow, planned.plan_name) == (runs, allow, name)
    assert len(planned.offsets_s) == runs


@pytest.mark.parametrize(
    ("settings", "period_s"),
    [
        ({}, 1.0),
        ({"inter": "200ms", "fall": 2, "timeout": "9s"}, 0.2),
        ({"inter": "200ms", "downinter": "5s"}, 5.0),
        ({"loop_wait": 10, "ttl": 30}, 10.0),
        ({"check_interval": "1m"}, 60.0),
        ({"inter": "soon", "interval": True}, 1.0),
    ],
)
def test_the_period_is_the_longest_at_which_a_healer_looks(settings, period_s):
    target = replace(SHOP, healers=(Healer(name="x", kind="x", settings=settings),))

    assert healing_period_s(target) == period_s


def test_times_follow_from_the_phases():
    planned = plan_of(TWO, trials=2).experiments[0]
    phases, offsets = TWO.phases, sum(planned.offsets_s)

    assert planned.min_s == pytest.approx(2 * (phases.baseline_s + phases.stable_s) + offsets)
    assert planned.max_s == pytest.approx(
        2 * (phases.baseline_s + phases.watch_s) + offsets + phases.settle_s
    )
    assert plan_of(TWO, trials=2).max_s == pytest.approx(planned.max_s + 60.0)


def test_a_plan_can_be_read_by_programs_and_by_people():
    plan = plan_of(ONE, TWO)
    data = json.loads(json.dumps(describe_plan(plan)))
    text = plan_text(plan)

    assert data["seed"] == 7
    assert data["targets"][0]["experiments"][0]["runs"] == 12
    for words in (
        "shop/our-block",
        "12 runs, 1 may miss",
        "web-2",
        "seed 7",
        "Nothing was started",
    ):
        assert words in text


def test_the_catalogue_lists_everything_and_broken_files_with_their_mistakes(tmp_path):
    (tmp_path / "broken.yaml").write_text("title: x\nmethod: []\n")
    (tmp_path / "good.json").write_text((TESTS / "good" / "minimal.json").read_text())
    found = json.loads(json.dumps(catalogue(targets=SHELF.root, experiments=tmp_path)))

    rooms = ["targets", "experiments", "faults", "healers", "probes", "ledgers", "measures"]
    assert [one for one in found if one != "reporters"] == rooms
    assert all({"name", "title"} <= set(row) for rows in found.values() for row in rows)
    assert found["experiments"][0]["problems"]
    assert found["experiments"][1]["name"] == "shop/good"
    crash = next(row for row in found["faults"] if row["name"] == "crash")
    assert crash["arguments"]["service"] == {"required": True}
    assert crash["arguments"]["pick"] == {"required": False, "default": "any"}
    assert {"http", "tcp", "python", "process"} <= {row["name"] for row in found["probes"]}
    assert {"recovery", "availability"} <= {row["name"] for row in found["measures"]}
