"""Whoever dies, and however: afterwards no fault and nothing of ours, and the journal can be judged."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaoskit.run.clock import wait_until

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]


def things_of(run_id):
    found = []
    for kind in ("ps -a", "network ls", "volume ls"):
        command = ["docker", *kind.split(), "-q", "--filter", f"label=chaoskit.run={run_id}"]
        found += subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return found


@pytest.fixture(params=["60s"], ids=["long"])
def held(experiment, tmp_path, request):
    """A run whose fault is in effect right now: a hang of the only instance there is."""

    def change(_, block):
        block["phases"].update(watch=request.param)

    path = experiment("restart-policy/hang", change)
    reports = tmp_path / "reports"
    with (tmp_path / "run.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "chaoskit", "run", path, "--trials", "1", "--reports", reports],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "CI": "true"},
        )

    def in_effect():
        assert process.poll() is None, (tmp_path / "run.log").read_text()
        marks = list(reports.glob("latest/trials/**/marks.jsonl"))
        return bool(marks) and '"in_effect"' in marks[0].read_text()

    assert wait_until(in_effect, timeout_s=90)
    folder = (reports / "latest").resolve()
    yield process, folder
    if process.poll() is None:
        process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_lifts_cleans_up_and_reports_what_was_seen(held, number, code):
    process, folder = held

    process.send_signal(number)

    assert process.wait(60) == code
    assert things_of(folder.name) == []
    journal = json.loads((folder / "journal.json").read_text())
    assert journal["interrupted_by"] == signal.Signals(number).name
    assert journal["experiments"][0]["trials"][0]["judgement"]["verdict"] == "interrupted"
    marks = next(folder.glob("trials/**/marks.jsonl")).read_text()
    assert '"lifted"' in marks
    assert (folder / "report.html").exists()


def test_a_killed_harness_leaves_no_fault_and_no_container(held, chaoskit):
    process, folder = held

    process.kill()
    process.wait()

    assert wait_until(lambda: not things_of(folder.name), timeout_s=60, every_s=0.5), (
        folder / "keeper.log"
    ).read_text()
    judged = chaoskit("judge", folder)
    assert judged.returncode == 3, judged.stderr
    journal = json.loads((folder / "journal.json").read_text())
    assert journal["experiments"][0]["trials"][0]["judgement"]["verdict"] == "interrupted"
    assert chaoskit("report", folder).returncode == 0


def test_when_everybody_is_killed_recover_removes_what_is_left(held, chaoskit, tmp_path):
    process, folder = held
    keeper = keeper_of(folder)
    os.kill(keeper, signal.SIGKILL)
    process.kill()
    process.wait()

    assert things_of(folder.name)
    recovered = chaoskit("recover", folder)

    assert recovered.returncode == 0, recovered.stderr
    assert things_of(folder.name) == []


def test_a_second_signal_stops_waiting_and_the_keeper_finishes(held):
    process, folder = held

    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)

    assert process.wait(60) in {130, 143}
    assert wait_until(lambda: not things_of(folder.name), timeout_s=60, every_s=0.5)


@pytest.mark.parametrize("held", ["6s"], indirect=True, ids=["short"])
def test_a_prober_that_is_held_up_makes_the_trial_inconclusive(held):
    process, folder = held
    prober = child_of(process.pid, "chaoskit.run.prober")
    os.kill(prober, signal.SIGSTOP)
    begun = time.monotonic()
    assert wait_until(lambda: time.monotonic() - begun > 1.5, timeout_s=5)
    os.kill(prober, signal.SIGCONT)

    assert process.wait(90) == 3
    journal = json.loads((folder / "journal.json").read_text())
    assert journal["experiments"][0]["judgement"]["verdict"] == "observer_late"
    assert things_of(folder.name) == []


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def pids():
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def keeper_of(folder):
    return next(
        pid
        for pid in pids()
        if "chaoskit.run.keeper" in command_line(pid) and str(folder.name) in command_line(pid)
    )


def child_of(parent, module):
    for pid in pids():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent and module in command_line(pid):
            return pid
    raise LookupError(module)
