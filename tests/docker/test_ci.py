"""`chaoskit ci` with a real engine, as GitHub would call it; two shards become one run.

One target, two short runs, and many looks at what they left.
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]


def called(folder, *words, **environ):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
    return subprocess.run(
        [sys.executable, "-m", "chaoskit", *map(str, words)],
        cwd=ROOT,
        env={**clean, "CI": "true", **{key: str(value) for key, value in environ.items()}},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )


def told_something(folder, words, reports, attempts=3):
    """A run that is not inconclusive: a machine that is too busy to tell is no news here."""
    for _ in range(attempts):
        shutil.rmtree(reports, ignore_errors=True)
        done = called(folder, *words)
        if done.returncode != 3:
            break
    return done


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Both shards of a suite of two experiments, and the stage that joined them."""
    folder = tmp_path_factory.mktemp("stage")
    suite = folder / "experiments" / "restart-policy"
    suite.mkdir(parents=True)
    for name in ("crash.yaml", "hang.yaml"):
        text = (ROOT / "experiments/restart-policy" / name).read_text()
        if name == "crash.yaml":  # a loaded machine is no news here
            for key, value in (("watch", 30), ("recovery", 15), ("redundancy", 15)):
                text = re.sub(rf"{key}: \d+s", f"{key}: {value}s", text)
        (suite / name).write_text(text)
    told = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": folder / "summary",
        "GITHUB_OUTPUT": folder / "output",
    }
    shards = []
    for number in (1, 2):
        words = ["ci", suite, "--trials", 1, "--shard", f"{number}/2"]
        words += ["--reports", folder / "parts" / str(number), "--out", folder / str(number)]
        shards.append(told_something(folder, words, folder / "parts" / str(number)))
    joining = ["ci", "--join", folder / "parts", "--reports", folder, "--out", folder / "out"]
    joined = called(folder, *joining, "--fail-on", "known-weakness", **told)
    return folder, shards, joined


def test_each_shard_ran_its_part_and_passed(stage):
    _, shards, _ = stage

    assert [one.returncode for one in shards] == [0, 0], shards[0].stdout + shards[1].stdout
    text = "".join(one.stdout for one in shards)
    assert re.search(r"restart-policy/crash +✓ healed", text)
    assert re.search(r"restart-policy/hang +✓ not healed, as expected", text)
    assert "::" not in text, "outside of GitHub nothing is said in its words"


def test_the_whole_is_judged_from_both_and_held_against_the_gate(stage):
    folder, _, joined = stage
    outputs = dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())

    assert joined.returncode == 1, joined.stdout + joined.stderr
    assert (outputs["verdict"], outputs["exit_code"], outputs["experiments"]) == (
        "passed",
        "1",
        "2",
    )
    assert 0 < float(outputs["worst_recovery_seconds"]) < 60
    assert "The gate is not passed: 1 demand not met" in (folder / "summary").read_text()


def test_the_weakness_is_annotated_at_its_line(stage):
    _, _, joined = stage
    (line,) = [one for one in joined.stdout.splitlines() if one.startswith("::error ")]

    assert re.search(r"file=/.*/experiments/restart-policy/hang.yaml,line=\d+,", line)
    assert "title=restart-policy/hang%3A known-weakness" in line


def test_the_evidence_came_along_and_is_judged_to_the_same(stage):
    folder, _, _ = stage
    again = called(folder, "judge", folder / "latest")
    page = (folder / "latest" / "report.html").read_text()

    assert again.returncode == 0, again.stderr
    assert len(list((folder / "latest" / "runs").iterdir())) == 2
    assert "restart-policy/crash" in page
    assert "restart-policy/hang" in page


def test_what_is_collected_is_whole(stage):
    folder, _, _ = stage
    cases = list(ET.parse(folder / "out" / "TEST-chaoskit.xml").getroot().iter("testcase"))

    assert {"report.html", "summary.md", "metrics.txt", "ctrf.json", "badge.svg"} <= {
        one.name for one in (folder / "out").iterdir()
    }
    assert {one.get("classname") for one in cases} == {
        "chaos.restart-policy/crash",
        "chaos.restart-policy/hang",
        "chaos.gate",
    }
