"""Our experiments under Chaos Toolkit, and Chaos Toolkit's experiments under chaoskit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
CHAOS = [
    str(Path(sys.executable).parent / "chaos"),
    "--no-version-check",
    "--log-file",
    os.devnull,
]
EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.yaml"))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_chaos_validate_accepts_every_experiment_of_ours(path):
    done = subprocess.run([*CHAOS, "validate", path], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def standing():
    ours = [sys.executable, "-m", "chaoskit"]
    up = subprocess.run(
        [*ours, "up", "replicated-web"], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert up.returncode == 0, up.stderr
    yield
    down = subprocess.run(
        [*ours, "down", "replicated-web"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert down.returncode == 0, down.stderr


@pytest.mark.parametrize("name", ["crash-a-replica", "hang-a-replica", "partition-a-replica"])
def test_chaos_run_finds_the_standing_target_and_lifts(standing, tmp_path, name):
    journal = tmp_path / "journal.json"

    done = subprocess.run(
        [
            *CHAOS,
            "run",
            "--journal-path",
            journal,
            ROOT / f"experiments/replicated-web/{name}.yaml",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=90,
    )

    result = json.loads(journal.read_text())
    assert done.returncode == 0, done.stderr
    assert result["status"] == "completed"
    assert result["deviated"] is False
    assert [one["status"] for one in result["run"]] == ["succeeded"]
    assert result["run"][0]["output"]["instances"]
    undo_logs = sorted((ROOT / "reports" / "up-replicated-web").rglob("faults.jsonl"))
    assert undo_logs, "the undo must have been on disk"
    if name != "crash-a-replica":
        assert "lifted" in undo_logs[-1].read_text()


PLAIN = {
    "title": "A plain Chaos Toolkit experiment",
    "description": "Nothing in it knows chaoskit, apart from the fault.",
    "configuration": {
        "expected": 200,
        "greeting": {"type": "env", "key": "NOT_SET", "default": "x"},
    },
    "secrets": {"app": {"token": "s3cret-sentinel"}},
    "steady-state-hypothesis": {
        "title": "All kinds of tolerances hold",
        "probes": [
            {"name": "scalar", "tolerance": "${expected}"},
            {"name": "list", "tolerance": [200, 204]},
            {
                "name": "regex",
                "tolerance": {"type": "regex", "pattern": ".", "target": "body"},
            },
            {
                "name": "range",
                "tolerance": {"type": "range", "range": [200, 299], "target": "status"},
            },
            {
                "name": "jsonpath",
                "tolerance": {"type": "jsonpath", "path": "$.status", "expect": [200]},
            },
            {
                "name": "by-probe",
                "tolerance": {
                    "type": "probe",
                    "name": "is-a-dict",
                    "provider": {
                        "type": "python",
                        "module": "builtins",
                        "func": "bool",
                        "arguments": {},
                    },
                },
            },
        ],
    },
    "method": [
        {
            "type": "action",
            "name": "crash",
            "provider": {
                "type": "python",
                "module": "chaoskit.faults.crash",
                "func": "inject",
                "arguments": {"service": "web"},
            },
        }
    ],
    "rollbacks": [
        {
            "type": "action",
            "name": "say-so",
            "provider": {"type": "process", "path": "true", "arguments": []},
        }
    ],
}


def test_a_plain_experiment_runs_with_its_own_probes_tolerances_and_rollbacks(chaoskit, tmp_path):
    document = json.loads(json.dumps(PLAIN))
    probes = document["steady-state-hypothesis"]["probes"]
    for probe in probes:
        probe["type"] = "probe"
        probe["provider"] = {"type": "http", "url": "${web_url}/", "timeout": 1}
    probes[:] = [one for one in probes if one["name"] != "by-probe"]
    path = tmp_path / "plain.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    reports = tmp_path / "reports"

    done = chaoskit(
        "run",
        path,
        "--target",
        "restart-policy",
        "--budget",
        "recovery=5s",
        "--trials",
        1,
        "--reports",
        reports,
    )

    assert done.returncode == 0, done.stderr
    record = json.loads((reports / "latest" / "journal.json").read_text())["experiments"][0]
    assert record["judgement"]["verdict"] == "healed"
    assert set(record["trials"][0]["probes"]) == {one["name"] for one in probes}
    toolkit = next((reports / "latest").resolve().glob("trials/**/chaostoolkit-journal.json"))
    assert [one["status"] for one in json.loads(toolkit.read_text())["rollbacks"]] == ["succeeded"]
    for file in (reports / "latest").resolve().rglob("*"):
        if file.is_file() and file.suffix in {".html", ".xml", ".md", ".json"}:
            assert "s3cret-sentinel" not in file.read_text(errors="replace"), file
