"""The key `slo`, and budgets that follow from it."""

from pathlib import Path

import pytest

from chaoskit.errors import InputError
from chaoskit.model.experiment import Slo
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf

COMPOSE = 'services: {web: {image: x, ports: ["127.0.0.1:${WEB_PORT:-}:8080"]}}\n'
TARGET = """
title: A shop
entrypoints: {web_url: {service: web, port: 8080}}
"""
EXPERIMENT = """
title: A crash
description: Of the shop.
extensions:
  - {name: chaoskit, target: shop, %s}
steady-state-hypothesis:
  title: It answers
  probes:
    - {type: probe, name: front-page, tolerance: 200, provider: {type: http, url: "${web_url}/"}}
method:
  - type: action
    name: crash
    provider: {type: python, module: chaoskit.faults.crash, func: inject, arguments: {service: web}}
"""


@pytest.fixture
def load(tmp_path: Path):
    def loaded(block: str, *, target: str = "", **more):
        folder = tmp_path / "targets" / "shop"
        folder.mkdir(parents=True)
        (folder / "compose.yaml").write_text(COMPOSE)
        (folder / "target.yaml").write_text(TARGET + target)
        path = tmp_path / "crash.yaml"
        path.write_text(EXPERIMENT % block)
        return load_experiment(path, TargetShelf(tmp_path / "targets"), **more)

    return loaded


@pytest.mark.parametrize(
    ("written", "slo"),
    [
        pytest.param("99.9%", Slo(objective=0.999), id="a percentage"),
        pytest.param("0.999", Slo(objective=0.999), id="a share"),
        pytest.param(
            "{objective: 99.5%, window: 7d, faults: 10, share: 50%}",
            Slo(objective=0.995, window_s=604_800, faults=10, share=0.5),
            id="all of it",
        ),
        pytest.param(
            "{objective: 0.9, window: 1h30m, faults: 0.5}",
            Slo(objective=0.9, window_s=5400, faults=0.5),
            id="a window of hours, a rare fault",
        ),
    ],
)
def test_a_promise_is_read(load, written, slo):
    one = load(f"budgets: {{recovery: 5s}}, slo: {written}")

    assert one.slo == slo


def test_the_promise_of_the_target_holds_for_experiments_without_one(load):
    assert load("budgets: {recovery: 5s}", target="slo: 99%\n").slo == Slo(objective=0.99)


def test_an_experiments_own_promise_is_stronger(load):
    one = load("budgets: {recovery: 5s}, slo: 99.9%", target="slo: 99%\n")

    assert one.slo == Slo(objective=0.999)


def test_without_a_promise_there_is_none(load):
    assert load("budgets: {recovery: 5s}").slo is None


def test_a_recovery_budget_follows_from_the_promise(load):
    one = load("budgets: {recovery: from-slo}, slo: {objective: 99.9%, faults: 10}")
    (budget,) = one.budgets

    assert budget.bound == pytest.approx(64.8)
    assert budget.text == "64.8s (from-slo)"
    assert one.phases.watch_s == pytest.approx(2 * 64.8 + 2)


def test_the_command_line_may_ask_for_it_too(load):
    one = load(
        "budgets: {recovery: 5s}",
        target="slo: {objective: 99%, faults: 100, share: 10%}\n",
        budgets={"weighted_outage": "from-slo"},
    )

    assert {budget.measure: budget.bound for budget in one.budgets} == {
        "recovery": 5,
        "weighted_outage": pytest.approx(25.92),
    }


@pytest.mark.parametrize(
    ("block", "message"),
    [
        pytest.param("budgets: {recovery: from-slo}", "but there is no slo", id="no promise"),
        pytest.param(
            "budgets: {recovery: from-slo}, slo: 99.9%", "how many faults", id="no frequency"
        ),
        pytest.param(
            "budgets: {detection: from-slo}, slo: {objective: 99%, faults: 1}",
            "detection cannot be from-slo; an error budget bounds recovery, outage",
            id="another measure",
        ),
        pytest.param("budgets: {recovery: 1s}, slo: 100%", "below 100%", id="everything"),
        pytest.param("budgets: {recovery: 1s}, slo: 0", "above 0", id="nothing"),
        pytest.param("budgets: {recovery: 1s}, slo: high", "slo: 'high' is not", id="a word"),
        pytest.param("budgets: {recovery: 1s}, slo: 101%", "is not a share", id="too much"),
        pytest.param("budgets: {recovery: 1s}, slo: [1]", "slo must be", id="a list"),
        pytest.param("budgets: {recovery: 1s}, slo: {share: 1}", "no 'objective'", id="no part"),
        pytest.param(
            "budgets: {recovery: 1s}, slo: {objective: 99%, window: a month}",
            "'a month' is not a window; write days or a duration",
            id="window",
        ),
        pytest.param(
            "budgets: {recovery: 1s}, slo: {objective: 99%, faults: 0}",
            "faults must be a number of at least",
            id="no faults",
        ),
        pytest.param(
            "budgets: {recovery: 1s}, slo: {objective: 99%, fault: 3}",
            "did you mean 'faults'",
            id="misspelt",
        ),
        pytest.param(
            "budgets: {recovery: from-slo}, phases: {watch: 30s}, "
            "slo: {objective: 99.9%, faults: 10}",
            "watch of 30 s is too short for recovery",
            id="longer than the watch",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(load, block, message):
    with pytest.raises(InputError) as refused:
        load(block)

    assert message in str(refused.value)


def test_a_promise_of_the_target_is_checked_as_well(load):
    with pytest.raises(InputError, match="slo: 'x' is not a share"):
        load("budgets: {recovery: 5s}", target="slo: x\n")
