"""Redis with Sentinel: who heals a crash, and what a split takes away."""

import pytest

pytestmark = pytest.mark.docker


def did(ran, kind):
    """Which healers did that, in the order of their first mark after the fault's effect."""
    marks = ran.marks()
    effect = next(at for at, one in enumerate(marks) if one["kind"] == "in_effect")
    return list(dict.fromkeys(one["source"] for one in marks[effect:] if one["kind"] == kind))


def facts(ran):
    return ran.journal["experiments"][0]["trials"][0]["judgement"]["ledger"]


def test_sentinel_replaces_a_crashed_primary_and_nothing_is_lost(run):
    ran = run("experiments/redis-sentinel/crash-the-primary.yaml")

    assert (ran.code, ran.verdicts) == (0, ["healed"]), ran.err
    assert set(did(ran, "detected")) == set(did(ran, "acted")) == {"docker-restart", "sentinel"}
    assert facts(ran)["lost"] == 0
    assert facts(ran)["acked"] > 150


def test_a_restart_without_persistence_empties_the_whole_cluster(run):
    ran = run("experiments/redis-sentinel-volatile/crash-the-primary.yaml")

    assert (ran.code, ran.verdicts) == (0, ["data_lost"]), ran.err
    assert did(ran, "acted") == ["docker-restart"]
    assert facts(ran)["lost"] > facts(ran)["acked"] / 3  # everything before the crash
