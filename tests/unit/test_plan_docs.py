"""The reference pages: their examples load, and no key is missing from them."""

import re
from pathlib import Path

import pytest

from chaoskit.measures.base import catalogue
from chaoskit.plan.block_shape import PLANS
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.schema import experiment_schema, target_schema
from chaoskit.plan.targets import TargetShelf, load_target

ROOT = Path(__file__).parents[2]
EXPERIMENT_PAGE = (ROOT / "docs" / "experiment-file.md").read_text(encoding="utf-8")
TARGET_PAGE = (ROOT / "docs" / "target-file.md").read_text(encoding="utf-8")


def examples(page):
    return re.findall(r"^```yaml\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


def keys(schema):
    """Every key that a schema knows, wherever it is."""
    found = set(schema.get("properties", {}))
    for value in schema.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                found |= keys(one)
    return found


@pytest.mark.parametrize("number", range(2))
def test_the_examples_of_the_experiment_page_load(tmp_path, number):
    path = tmp_path / "x.yaml"
    path.write_text(examples(EXPERIMENT_PAGE)[number], encoding="utf-8")

    assert load_experiment(path, TargetShelf(ROOT / "targets")).target == "replicated-web"


def test_the_example_of_the_target_page_loads(tmp_path):
    target, compose = examples(TARGET_PAGE)
    (tmp_path / "target.yaml").write_text(target, encoding="utf-8")
    (tmp_path / "compose.yaml").write_text(compose, encoding="utf-8")
    (tmp_path / "compose.no-check.yaml").write_text("services: {}\n", encoding="utf-8")

    assert len(load_target(tmp_path).healers) == 3


@pytest.mark.parametrize(
    ("page", "schema"),
    [
        pytest.param(EXPERIMENT_PAGE, experiment_schema(), id="experiment"),
        pytest.param(TARGET_PAGE, target_schema(), id="target"),
    ],
)
def test_every_key_is_on_its_page(page, schema):
    texts = " ".join(re.findall(r"`([^`\n]+)`", page))
    words = set(re.findall(r"[\w-]+", texts))

    assert sorted(keys(schema) - words) == []


def test_every_measure_and_plan_is_on_the_experiment_page():
    for name in catalogue():
        assert f"`{name}`" in EXPERIMENT_PAGE
    for name, (runs, allow) in PLANS.items():
        assert f"`{name}` {runs}/{allow}" in EXPERIMENT_PAGE
