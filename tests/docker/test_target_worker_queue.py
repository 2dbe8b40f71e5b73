"""Queues of jobs on real workers: what they held is done by others, and what was lost is told."""

import pytest

pytestmark = pytest.mark.docker


def acted(ran):
    """Which healers noticed something and did something."""
    told = [(one["source"], one["kind"]) for one in ran.marks()]
    return {source for source, kind in told if kind == "acted" and (source, "detected") in told}


def ledger(ran):
    return ran.journal["experiments"][0]["trials"][0]["judgement"]["ledger"]


def test_what_a_crashed_worker_held_is_done_by_another(run, experiment):
    ran = run(experiment("worker-queue/crash-a-worker"))

    assert (ran.code, ran.verdicts) == (0, ["healed"]), ran.err
    assert {"reclaim", "docker-restart"} <= acted(ran)
    assert ledger(ran)["lost"] == 0


def test_a_broker_without_persistence_forgets_what_it_acknowledged(run):
    ran = run("experiments/worker-queue-volatile/crash-everything.yaml")

    assert (ran.code, ran.verdicts) == (0, ["data_lost"]), ran.err
    assert ledger(ran)["lost"] > 0


def test_jetstream_hands_out_again_what_a_crashed_worker_held(run, experiment):
    ran = run(experiment("worker-queue-nats/crash-a-worker"))

    # Whether anybody waited for it depends on what the worker held in that moment.
    assert ran.code == 0, ran.err
    assert ran.verdicts in (["healed"], ["masked"])
    assert "docker-restart" in acted(ran)
    assert ledger(ran)["lost"] == 0
