"""The examples that break real targets from Python, run as a user would; and what a killed one leaves."""

import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from chaoskit.run.clock import wait_until
from chaoskit.target.engine import RUN_LABEL, connect, labelled
from tests.installing import ROOT

pytestmark = pytest.mark.docker

EXAMPLES = ROOT / "examples"
PLAIN = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
HELD = """
import time

def test_held(chaos, chaos_target):
    with chaos.hang("web"):
        print("run id", chaos.run_id, flush=True)
        time.sleep(600)
"""


def left_of(run_id):
    client = connect()
    try:
        return list(labelled(client, f"{RUN_LABEL}={run_id}"))
    finally:
        client.close()


def runs_in(reports):
    return [one.name for one in reports.iterdir() if one.is_dir() and one.name != "latest"]


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """The example's own folder, so that its reports do not land in the repository."""
    folder = tmp_path_factory.mktemp("suite") / "shop"
    shutil.copytree(
        EXAMPLES / "pytest-suite", folder, ignore=shutil.ignore_patterns("reports", "__pycache__")
    )
    return folder


@pytest.fixture(scope="module")
def ran(suite):
    """Every test of the example, once."""
    command = [sys.executable, "-m", "pytest", "-v", "-W", "error", "--junitxml=junit.xml"]
    return subprocess.run(
        [*command, "--chaos-seed", "7", "-p", "no:cacheprovider"],
        cwd=suite,
        capture_output=True,
        text=True,
        timeout=230,
        env={**PLAIN, "CI": "true"},
    )


def test_the_suite_of_the_example_passes_and_leaves_nothing(ran, suite):
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout
    runs = runs_in(suite / "reports")
    assert len(runs) == 2, "one of the experiment, one of the live target"
    assert [left_of(one) for one in runs] == [[], []]


def test_the_summary_and_junit_say_what_each_came_to_and_where_its_report_is(ran, suite):
    assert ran.returncode == 0, ran.stdout + ran.stderr
    cases = {}
    for case in ET.parse(suite / "junit.xml").iter("testcase"):
        found = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
        cases[case.attrib["name"]] = found

    assert cases["crash"]["chaos_verdict"] == "healed"
    assert cases["crash"]["chaos_seed"] == "7"
    assert cases["test_a_crashed_shop_is_open_again"]["chaos_verdict"] == "healed"
    assert cases["test_nobody_wakes_a_shop_that_hangs"]["chaos_verdict"] == "not_healed"
    assert not cases["test_customers_of_a_paused_shop_wait"]
    for name in ("crash", "test_a_crashed_shop_is_open_again"):
        report = suite / cases[name]["chaos_report"]
        assert "healed" in report.read_text()
        assert str(cases[name]["chaos_report"]) in ran.stdout


@pytest.mark.parametrize("name", ["crash", "live"])
def test_the_programs_of_the_example_prove_what_they_say(name, tmp_path):
    (tmp_path / "targets").symlink_to(ROOT / "targets")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "python-api" / f"{name}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        env=PLAIN,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "healed" in done.stdout
    (run_id,) = [one for one in runs_in(tmp_path / "reports") if one != "from-python"]
    assert f"reports/{run_id}/report.html" in done.stdout
    assert (tmp_path / "reports" / run_id / "report.html").is_file()
    assert left_of(run_id) == []


def test_nothing_is_left_of_a_test_that_was_killed_while_it_held_a_fault(suite):
    (suite / "test_held.py").write_text(HELD)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "test_held.py"],
        cwd=suite,
        stdout=subprocess.PIPE,
        text=True,
        env=PLAIN,
    )
    try:
        said = (re.search(r"run id (\S+)", line) for line in process.stdout)
        run_id = next(one[1] for one in said if one)
        assert left_of(run_id)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()

    assert wait_until(lambda: not left_of(run_id), timeout_s=60, every_s=1), left_of(run_id)
