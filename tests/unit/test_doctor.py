"""`chaoskit doctor` where no engine answers: what it says of the project, and what it may ignore."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from chaoskit.errors import Exit

BAD = Path(__file__).parents[1] / "bad"


def doctor(folder, *arguments):
    """In a process of its own: a client that reached no engine leaves a socket behind."""
    done = subprocess.run(
        [sys.executable, "-m", "chaoskit", "doctor", "--json", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "DOCKER_HOST": f"unix://{folder}/nowhere.sock"},
    )
    return done, {one["id"]: one for one in json.loads(done.stdout or "[]")}


def test_a_target_with_a_mistake_makes_the_project_unfit(tmp_path):
    shutil.copytree(BAD / "broken-targets", tmp_path / "targets")

    _, checks = doctor(tmp_path)

    assert checks["TargetsValid"]["status"] == "fail"
    assert "targets/" in checks["TargetsValid"]["evidence"]
    assert checks["TargetsValid"]["fix"] == "chaoskit validate"


def test_images_are_not_asked_for_where_no_engine_answers(tmp_path):
    folder = tmp_path / "elsewhere" / "shop"
    folder.mkdir(parents=True)
    (folder / "compose.yaml").write_text("services:\n  web: {image: 'shop:1', ports: ['80']}\n")
    (folder / "target.yaml").write_text(
        "title: x\nentrypoints: {web_url: {service: web, port: 80}}\n"
    )

    _, checks = doctor(tmp_path, "--targets", "elsewhere")

    assert checks["TargetsValid"]["evidence"] == "1 under elsewhere"
    assert checks["TargetImages"]["status"] == "unknown"


def test_an_ignored_check_only_warns(tmp_path):
    strict, before = doctor(tmp_path)
    lenient, after = doctor(tmp_path, "--ignore", "EngineReachable")

    assert before["EngineReachable"]["status"] == "fail"
    assert strict.returncode == Exit.ENVIRONMENT
    assert after["EngineReachable"]["status"] == "warn"
    assert after["EngineReachable"]["fix"]
    assert lenient.returncode == Exit.PASS


def test_only_a_check_that_there_is_can_be_ignored(tmp_path):
    done, _ = doctor(tmp_path, "--ignore", "EngineReachabel")

    assert done.returncode == Exit.USAGE
    assert "did you mean 'EngineReachable'?" in done.stderr
