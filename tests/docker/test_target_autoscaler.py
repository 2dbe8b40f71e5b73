"""The target autoscaler: a rising load is met in time, and what was added goes with the run."""

import pytest

from chaoskit.target.engine import connect

pytestmark = pytest.mark.docker


def at_least_replicas_already(document, block):
    """The target has just been started: nothing of an earlier trial has to go first."""
    block["phases"] = {"baseline": "2s", "watch": "40s", "stable": "6s"}


def test_a_rising_load_is_met_in_time_and_nothing_is_left(run, experiment):
    ran = run(experiment("autoscaler/load-rise", at_least_replicas_already))

    assert ran.code == 0, ran.out + ran.err
    assert ran.verdicts == ["prevented"]
    one = ran.journal["experiments"][0]["trials"][0]["judgement"]
    assert one["reason"].startswith("autoscaler acted ")
    assert one["reason"].endswith(" before harm was due")

    starts = {
        mark["instance"]
        for mark in ran.marks()
        if (mark["kind"], mark["service"], mark["detail"]) == ("engine", "web", "start")
    }
    assert {"web-3", "web-4"} <= starts, "replicas that no Compose file knows"
    client = connect()
    named = client.containers.list(all=True, filters={"name": ran.journal["run_id"]})
    client.close()
    assert named == [], "by name: a replica without the run's label would stay"
