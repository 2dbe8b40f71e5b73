"""The JSON Schemas: current on disk, and in agreement with the checker.

`GOLDEN=overwrite pytest tests/unit/test_plan_schema.py` writes docs/schemas anew.
"""

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from chaoskit.plan.report import Report
from chaoskit.plan.schema import experiment_schema, target_schema
from chaoskit.plan.tree import plain
from chaoskit.plan.yamltree import read_tree

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
SCHEMAS = {"experiment": experiment_schema, "target": target_schema}

# Mistakes of shape: a schema must see them too.
MISSHAPEN = [
    "unknown-key",
    "unknown-key-in-block",
    "missing-keys",
    "no-budgets",
    "expect-the-unexpectable",
    "unknown-plan",
    "wrong-kinds",
    "providers",
]


def data_of(path):
    report = Report(str(path))
    tree = read_tree(path, report)
    assert not report.problems
    return plain(tree)


def errors(schema, data):
    return [
        f"{one.json_path}: {one.message}" for one in Draft202012Validator(schema).iter_errors(data)
    ]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_on_disk_are_current(name):
    path = ROOT / "docs" / "schemas" / f"{name}.schema.json"
    text = json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "overwrite":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_schemas(name):
    Draft202012Validator.check_schema(SCHEMAS[name]())


EXPERIMENTS = [
    *sorted((ROOT / "experiments").rglob("*.yaml")),
    TESTS / "good" / "our-block.yaml",
    TESTS / "good" / "toolkit-only.yaml",
    TESTS / "good" / "minimal.json",
]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_of_the_repository_fits_the_schema(path):
    assert errors(experiment_schema(), data_of(path)) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "targets").glob("*/target.yaml")), ids=lambda path: path.parent.name
)
def test_every_target_of_the_repository_fits_the_schema(path):
    assert errors(target_schema(), data_of(path)) == []


@pytest.mark.parametrize("name", MISSHAPEN)
def test_what_is_misshapen_does_not_fit_the_schema(name):
    assert errors(experiment_schema(), data_of(TESTS / "bad" / f"{name}.yaml"))


def fields(schema, path=""):
    for name, one in schema.get("properties", {}).items():
        yield f"{path}.{name}", one
        yield from fields(one, f"{path}.{name}")
    for part in ("anyOf", "prefixItems"):
        for one in schema.get(part, []):
            yield from fields(one, path)
    if isinstance(schema.get("items"), dict):
        yield from fields(schema["items"], path)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from fields(schema["additionalProperties"], path)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_has_a_title_and_every_own_field_a_description(name):
    schema = SCHEMAS[name]()
    for part in (schema, *schema["$defs"].values()):
        for path, one in fields(part):
            if path.endswith(".name") and "not" in one:
                continue
            assert one.get("title"), path
            if name == "target":
                assert one.get("description"), path
