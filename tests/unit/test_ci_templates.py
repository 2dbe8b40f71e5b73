"""The pipelines that we hand out: valid by their schemas and linters, and every option is a real one."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from chaoskit.ci.stage import COLLECTED, JUNIT
from chaoskit.cli import ci_command

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "chaoskit" / "cli" / "templates" / "ci"
EXTRA = {
    "azure-pipelines": ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"]
}


def checked(schema, path):
    words = ["--builtin-schema", f"vendor.{schema}", *EXTRA.get(schema, []), str(path)]
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *words], capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("github-workflows", TEMPLATES / "github.yml"),
        ("github-actions", ROOT / "action.yml"),
        ("gitlab-ci", TEMPLATES / "gitlab-ci.yml"),
        ("azure-pipelines", TEMPLATES / "azure-pipelines.yml"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_is_valid_and_the_schema_can_refuse(schema, path, tmp_path):
    pytest.importorskip("check_jsonschema")
    spoilt = tmp_path / path.name
    text = path.read_text()
    for key in ("runs-on:", "using: composite", "artifacts:", "vmImage:", "steps:"):
        text = text.replace(key, key.replace(":", "_x:").replace("composite", "magic"))
    spoilt.write_text(text)

    assert checked(schema, path).stdout == "ok -- validation done\n"
    assert checked(schema, spoilt).returncode == 1


def test_the_jenkinsfile_is_groovy():
    grammar = pytest.importorskip("tree_sitter_groovy")
    tree_sitter = pytest.importorskip("tree_sitter")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    text = (TEMPLATES / "Jenkinsfile").read_bytes()

    assert not parser.parse(text).root_node.has_error
    assert parser.parse(text.replace(b"}", b"", 1)).root_node.has_error
    for stanza in (b"agent", b"stages", b"steps", b"post", b"always"):
        assert re.search(rb"\b%s\s*[({]?" % stanza, text)


@pytest.mark.skipif(not shutil.which("actionlint"), reason="there is no actionlint here")
def test_actionlint_has_no_complaint():
    done = subprocess.run(["actionlint", TEMPLATES / "github.yml"], capture_output=True, text=True)

    assert done.stdout == ""


def test_scripts_of_the_action_are_sound_shell():
    for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]:
        if "run" in step:
            done = subprocess.run(["bash", "-n"], input=step["run"], capture_output=True, text=True)

            assert done.returncode == 0, done.stderr
            assert "${{" not in step["run"], "an input must never be a part of a script"


def test_every_option_that_is_used_is_one_of_the_command():
    known = {option for one in ci_command.command.params for option in one.opts}
    used = set()
    for path in (*TEMPLATES.iterdir(), ROOT / "action.yml"):
        for line in path.read_text().splitlines():
            if "chaoskit ci" in line or "arguments+=" in line:
                used |= set(re.findall(r"(?<=[ (])--[a-z-]+", line))

    assert {"--shard", "--exit-zero"} <= used <= known


def test_the_inputs_of_the_action_reach_the_command(tmp_path):
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = next(one for one in action["runs"]["steps"] if one.get("id") == "chaoskit")
    fake = tmp_path / "chaoskit" / "bin" / "chaoskit"
    fake.parent.mkdir(parents=True)
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    given = {
        "INPUT_PATHS": "experiments/a b\nexperiments/c\n",
        "INPUT_TRIALS": "3",
        "INPUT_SHARD": "1/2",
        "INPUT_GATE": "merge; rm -rf x",
        "INPUT_FAIL_ON": "flaky",
        "INPUT_EXIT_ZERO": "true",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        env={**given, "RUNNER_TEMP": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert set(given) == set(step["env"])
    assert done.stdout.splitlines() == [
        "ci",
        "experiments/a b",
        "experiments/c",
        "--trials",
        "3",
        "--shard",
        "1/2",
        "--gate",
        "merge; rm -rf x",
        "--fail-on",
        "flaky",
        "--exit-zero",
    ]


def test_what_is_published_is_what_is_written():
    published = set()
    for path in TEMPLATES.iterdir():
        published |= set(re.findall(r"chaos-results/([\w-]+\.\w+)", path.read_text()))

    assert {JUNIT, "metrics.txt"} == published <= {*COLLECTED, JUNIT}
