"""Faults that the target must be started for, through the command line: a run, and `up --for`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.target.engine import UP_LABEL, connect, labelled

pytestmark = pytest.mark.docker

PLACE = "redis-restart/crash-with-appendonly"
ROOT = Path(__file__).parents[2]
CHAOS = [Path(sys.executable).parent / "chaos", "--no-version-check", "--log-file", os.devnull]


def instead(fault, **arguments):
    """A change of an experiment: another fault in its method."""

    def change(document, block):
        provider = document["method"][0]["provider"]
        provider["module"] = f"chaoskit.faults.{fault}"
        provider["arguments"] = {"service": "durable", **arguments}
        block["trials"] = {"plan": "pr"}

    return change


def test_a_power_cut_shows_what_a_crash_cannot_and_the_run_leaves_nothing(run, experiment):
    ran = run(experiment(PLACE, instead("lose_unsynced", path="/data")))
    evidence = next(one["detail"] for one in ran.marks() if one["kind"] == "in_effect")

    assert (ran.code, ran.verdicts) == (1, ["data_lost"]), ran.err
    assert "the synced one is there and the other is not" in evidence
    client = connect()
    assert list(labelled(client, f"chaoskit.run={ran.journal['run_id']}")) == []
    client.close()
    assert ran.journal["run_id"] not in Path("/proc/self/mounts").read_text()


@pytest.fixture
def down(chaoskit):
    """Whatever a test leaves up is taken down."""
    yield
    chaoskit("down", "redis-restart")


def chaos(path, reports):
    done = subprocess.run(
        [*CHAOS, "run", "--journal-path", reports / "journal.json", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "CHAOSKIT_TARGET": "redis-restart", "CHAOSKIT_REPORTS": str(reports)},
        check=False,
    )
    return json.loads((reports / "journal.json").read_text()), done.stderr + done.stdout


@pytest.mark.usefixtures("down")
def test_a_plain_chaos_run_needs_a_target_that_was_started_for_it(chaoskit, experiment, tmp_path):
    path = experiment(PLACE, instead("clock_skew", offset="+1h"))
    assert chaoskit("up", "redis-restart").returncode == 0
    journal, said = chaos(path, tmp_path)
    assert journal["run"][0]["status"] == "failed", said
    assert "chaoskit up TARGET --for EXPERIMENT" in json.dumps(journal)
    chaoskit("down", "redis-restart")

    started = chaoskit("up", "redis-restart", "--for", path)
    assert "fitted: clock of durable" in started.stdout, started.stderr
    journal, said = chaos(path, tmp_path)
    assert journal["run"][0]["status"] == "succeeded", said
    assert "promised +3600 s, measured +3" in json.dumps(journal["run"][0]["output"])
    assert chaoskit("down", "redis-restart").returncode == 0
    client = connect()
    assert list(labelled(client, f"{UP_LABEL}=redis-restart")) == []
    client.close()
