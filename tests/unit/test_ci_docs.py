"""docs/ci.md: what a reader copies works, and its tables are what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from chaoskit.ci.settings import CONDITIONS, read_settings
from chaoskit.ci.stage import COLLECTED, JUNIT, SUMMARY
from chaoskit.cli import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = re.findall(r"```(\w*) ?([\w-]*)\n(.*?)```", PAGE, re.DOTALL)
PIPELINES = [(schema, text) for kind, schema, text in BLOCKS if kind == "yaml"]


@pytest.mark.parametrize(("schema", "text"), PIPELINES, ids=[schema for schema, _ in PIPELINES])
def test_every_pipeline_is_valid(schema, text, tmp_path):
    pytest.importorskip("check_jsonschema")
    path = tmp_path / "pipeline.yml"
    path.write_text(text)
    words = ["check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)

    assert done.stdout == "ok -- validation done\n"


def test_the_settings_are_read_and_every_gate_is_one(tmp_path):
    (text,) = [text for kind, _, text in BLOCKS if kind == "toml"]
    path = tmp_path / "chaoskit.toml"
    path.write_text(text)

    assert read_settings(path, None).gate.name == "merge"
    assert read_settings(path, "nightly").gate.min_margin == 0.2


def test_every_command_and_option_is_there():
    commands = re.findall(r"(?:^|[ /])chaoskit (ci|run|merge|report) (.*)$", PAGE, re.MULTILINE)
    assert len(commands) > 8
    for name, rest in commands:
        known = {word for one in cli.get_command(None, name).params for word in one.opts}

        assert set(re.findall(r"--[a-z-]+", rest.split("#")[0])) <= known, rest


def test_the_tables_are_complete():
    for name in (*CONDITIONS, *COLLECTED, SUMMARY, JUNIT):
        assert f"`{name}`" in PAGE


def test_inputs_and_outputs_of_the_action_are_real():
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (text,) = [text for _, text in PIPELINES if "./tools/chaoskit" in text]
    (step,) = [one for one in yaml.safe_load(text)["jobs"]["heal"]["steps"] if "id" in one]

    assert set(step["with"]) <= set(action["inputs"])
    for name in re.findall(r"steps\.chaoskit\.outputs\.([\w-]+)", text):
        assert name in action["outputs"]
