"""The key `ledger` of an experiment file: what it means, and what follows from it."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from chaoskit.errors import InputError
from chaoskit.ledgers.base import catalogue, settings_of
from chaoskit.model.experiment import LedgerUse
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.schema import experiment_schema
from chaoskit.plan.targets import TargetShelf

ROOT = Path(__file__).parents[2]
SHOP = TargetShelf(ROOT / "tests" / "bad" / "targets")
HTTP = {"kind": "http", "url": "${web_url}/items", "read_url": "${web_url}/items"}


@pytest.fixture
def load(tmp_path):
    def go(ledger, budgets=None, **document):
        text = (ROOT / "tests" / "bad" / "lost-writes.yaml").read_text()
        made = {**yaml.safe_load(text), **document}
        block = made["extensions"][0]
        block["budgets"] = budgets or {"recovery": "2s"}
        if ledger is not None:
            block["ledger"] = ledger
        path = tmp_path / "x.yaml"
        path.write_text(yaml.safe_dump(made))
        return load_experiment(path, SHOP)

    return go


def test_a_ledger_is_read_with_its_settings_and_defaults(load):
    found = load({**HTTP, "rate": 40, "timeout": "250ms", "read_every": "1s"}).ledger

    assert (found.kind, found.rate_hz, found.timeout_s) == ("http", 40.0, 0.25)
    assert (found.read_within_s, found.read_every_s) == (10.0, 1.0)
    assert found.settings == {key: HTTP[key] for key in ("url", "read_url")}
    assert load(HTTP).ledger.rate_hz == 20.0
    assert load(None).ledger is None


def test_the_defaults_of_the_file_are_those_of_the_model():
    block = str(experiment_schema())
    shown = {"rate_hz": 20.0, "timeout_s": 1.0, "read_within_s": 10.0, "read_every_s": None}

    assert {one.name: one.default for one in fields(LedgerUse) if one.name in shown} == shown
    assert "'default': 20" in block


def test_a_ledger_allows_no_loss_unless_the_file_says_otherwise(load):
    def bounds(**more):
        budgets = load(HTTP, {"recovery": "2s", **more}).budgets
        return {one.measure: one.bound for one in budgets}

    assert bounds() == {"recovery": 2.0, "lost_writes": 0.0}
    assert bounds(lost_writes=3) == {"recovery": 2.0, "lost_writes": 3.0}


def test_a_budget_on_lost_seconds_does_not_lengthen_the_watch(load):
    assert load(HTTP, {"recovery": "2s", "lost_span": "5m"}).phases.watch_s == 30.0


@pytest.mark.parametrize(
    "name", ["lost_writes", "lost_span", "duplicates", "unexpected_writes", "stale_reads"]
)
def test_a_budget_that_needs_a_ledger_is_refused_without_one(load, name):
    with pytest.raises(InputError, match=f"{name} needs a ledger, and there is none"):
        load(None, {"recovery": "2s", name: "1s" if name == "lost_span" else 0})


def test_names_in_settings_may_come_from_the_configuration_and_secrets(load):
    found = load(
        {"kind": "postgres", "url": "${where}", "password": "${word}"},
        configuration={"where": "127.0.0.1:5432"},
        secrets={"db": {"word": {"type": "env", "key": "PATH"}}},
    ).ledger

    assert found.settings == {"url": "${where}", "password": "${word}"}


def test_settings_that_only_the_kind_can_judge_are_judged_before_a_run(load):
    with pytest.raises(InputError, match="'nowhere' is no http address"):
        load({**HTTP, "url": "nowhere"})


def test_every_setting_of_every_kind_is_in_the_schema():
    text = str(experiment_schema())

    for kind in catalogue().values():
        for one in settings_of(kind):
            assert one.doc in text
