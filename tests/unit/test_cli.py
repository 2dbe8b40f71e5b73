"""What a user types, and what it says and exits with, where no engine is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaoskit.cli import cli

ROOT = Path(__file__).parents[2]
CRASH = "experiments/restart-policy/crash.yaml"


def chaoskit(*arguments, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-m", "chaoskit", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "CI": "true", **environment},
    )


def nothing_was_started(tmp_path):
    return not (tmp_path / "reports").exists()


def test_help_lists_every_command_and_every_command_has_help():
    listed = chaoskit("--help")

    assert listed.returncode == 0
    for name in (
        "run",
        "plan",
        "validate",
        "list",
        "up",
        "down",
        "status",
        "recover",
        "judge",
        "report",
        "doctor",
        "schema",
        "completion",
    ):
        assert f"  {name} " in listed.stdout
        assert chaoskit(name, "--help").returncode == 0


def test_the_kept_help_page_is_what_click_prints():
    page = ROOT / "chaoskit" / "cli" / "help.txt"
    printed = CliRunner().invoke(cli, ["--help"], prog_name="chaoskit", terminal_width=80).output
    if os.environ.get("GOLDEN") == "overwrite":
        page.write_text(printed)

    assert page.read_text() == printed


def test_a_misspelt_command_gets_a_suggestion():
    done = chaoskit("validat")

    assert done.returncode == 2
    assert "Did you mean 'validate'?" in done.stderr


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_every_mistake_is_reported_at_once_and_nothing_is_started(command, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        (ROOT / CRASH)
        .read_text()
        .replace("service: web", "service: wbe")
        .replace("budgets:", "budgts:")
        .replace("timeout: 500ms", "timeout: soon")
    )
    extra = ["--reports", tmp_path / "reports"] if command == "run" else []

    done = chaoskit(command, path, *extra)

    assert done.returncode == 2
    assert f"{path}:" in done.stderr
    assert "did you mean" in done.stderr
    assert "Nothing was started." in done.stderr
    assert "Traceback" not in done.stderr
    assert nothing_was_started(tmp_path)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.yaml"),
        (b"title: [\n", "torn.yaml"),
        (b"a: 1\na: 2\n", "duplicate.yaml"),
        (bytes(range(256)) * 10, "binary.yaml"),
        (b"x: y\n" * 300_000, "huge.yaml"),
        ("title: caf\u00e9".encode("latin-1"), "latin.yaml"),
        (b"- just\n- a list\n", "list.yaml"),
        (b"{]", "broken.json"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_experiment_is_one_clear_message(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)

    done = chaoskit("validate", path)

    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_and_an_empty_folder_differ(tmp_path):
    missing = chaoskit("run", tmp_path / "nowhere.yaml")
    empty = chaoskit("run", tmp_path)

    assert missing.returncode == 2
    assert "nowhere.yaml" in missing.stderr
    assert empty.returncode == 5


def test_an_experiment_without_budgets_is_refused(tmp_path):
    text = (ROOT / CRASH).read_text()
    kept = [line for line in text.splitlines() if "recovery" not in line]
    path = tmp_path / "no-budgets.yaml"
    path.write_text("\n".join(kept).replace("redundancy: 5s", ""))

    done = chaoskit("validate", path)

    assert done.returncode == 2
    assert "budget" in done.stderr


def test_a_bad_budget_option_is_refused(tmp_path):
    done = chaoskit("validate", CRASH, "--budget", "recovery")

    assert done.returncode == 2
    assert "MEASURE=BOUND" in done.stderr


def test_without_an_engine_the_machine_is_not_fit(tmp_path):
    done = chaoskit(
        "run", CRASH, "--reports", tmp_path / "reports", DOCKER_HOST="unix:///nowhere/docker.sock"
    )

    assert done.returncode == 4
    assert "no Docker engine answers" in done.stderr
    assert "Traceback" not in done.stderr
    assert nothing_was_started(tmp_path)


def test_doctor_says_what_mends_a_missing_engine():
    done = chaoskit("doctor", "--json", DOCKER_HOST="unix:///nowhere/docker.sock")

    checks = {one["id"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 4
    assert checks["EngineReachable"]["status"] == "fail"
    assert checks["EngineReachable"]["fix"]


def test_plan_says_what_would_happen_with_a_seed_that_repeats_it():
    first, second = (
        json.loads(chaoskit("plan", "experiments", "--seed", 5, "--json").stdout) for _ in range(2)
    )

    assert first == second
    assert first["seed"] == 5


def test_validate_and_list_speak_json():
    valid = json.loads(chaoskit("validate", CRASH, "--json").stdout)
    faults = json.loads(chaoskit("list", "faults", "--json").stdout)

    assert valid == {"valid": True, "experiments": ["restart-policy/crash"]}
    assert {"crash", "hang", "pause", "stop", "partition", "disconnect"} <= {
        one["name"] for one in faults
    }


@pytest.mark.parametrize("kind", ["experiment", "target", "journal"])
def test_schemas_are_printed(kind):
    schema = json.loads(chaoskit("schema", kind).stdout)

    assert schema.get("properties") or schema.get("$defs")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed_and_targets_complete(shell):
    assert "_CHAOSKIT_COMPLETE" in chaoskit("completion", shell).stdout


def test_target_names_are_completed():
    done = chaoskit(_CHAOSKIT_COMPLETE="bash_complete", COMP_WORDS="chaoskit up re", COMP_CWORD="2")

    assert {"plain,replicated-web", "plain,restart-policy"} <= set(done.stdout.split())


def test_judging_what_is_no_run_is_refused(tmp_path):
    done = chaoskit("judge", tmp_path)

    assert done.returncode == 2
    assert "journal.json" in done.stderr


def test_a_torn_journal_is_refused(tmp_path):
    (tmp_path / "journal.json").write_text('{"schema": "chaoskit/journal/v1", "run_id')

    for command in ("judge", "report"):
        done = chaoskit(command, tmp_path)

        assert done.returncode == 2
        assert "Traceback" not in done.stderr
