"""The targets of Patroni: a replica takes over without a loss, and the known weaknesses are found."""

import pytest

from chaoskit.probes.postgres import answers, commits

pytestmark = pytest.mark.docker


def quicker(_document, block):
    """A watch that is no longer than the takeover and what must hold after it."""
    block["phases"] = {"baseline": "1s", "watch": "14s", "stable": "2s", "settle": "5s"}
    block["budgets"]["recovery"] = "12s"


def seen(ran, kind):
    """The healers that left marks of a kind in the one trial."""
    acts = ran.journal["experiments"][0]["trials"][0]["judgement"]["acts"]
    return {one["healer"] for one in acts if one[f"{kind}_s"] is not None}


def test_a_replica_takes_over_from_a_lost_primary_and_nothing_is_lost(run, experiment):
    ran = run(experiment("postgres-patroni/lose-the-primary", quicker))

    assert (ran.code, ran.verdicts) == (0, ["healed"]), ran.err
    assert {"patroni", "haproxy"} <= seen(ran, "detected")
    assert {"patroni", "haproxy"} <= seen(ran, "acted")
    trial = ran.journal["experiments"][0]["trials"][0]["judgement"]
    measures = {one["measure"]: one for one in trial["measures"]}
    assert measures["lost_writes"]["high"] == 0
    assert measures["recovery"]["low"] > 1.0, "nobody may lead before the lease has run out"


def test_a_primary_that_is_back_before_its_lease_has_run_out_keeps_it(run, experiment):
    ran = run(experiment("postgres-patroni-plain/crash-the-primary", quicker))

    assert (ran.code, ran.verdicts) == (0, ["wrong_healer"]), ran.err
    assert "patroni" not in seen(ran, "acted")
    assert "docker-restart" in seen(ran, "acted")
    log = next((ran.folder / "logs").glob("postgres-patroni-plain/pg.log")).read_text()
    assert "Leader key released" in log, "it says so, and the key is still there"


def test_a_server_that_is_not_there_neither_answers_nor_commits():
    assert not answers("127.0.0.1:9", timeout=0.5)
    assert not commits("127.0.0.1:9", timeout=0.5)
