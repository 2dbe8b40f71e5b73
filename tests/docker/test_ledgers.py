"""Ledgers against real servers: what a crash loses is found, and what it keeps is found kept."""

from pathlib import Path

import pytest
import yaml

from chaoskit.model.ledger import Fate, read_ledger

pytestmark = pytest.mark.docker

TARGETS = Path(__file__).parent / "targets"


@pytest.fixture
def crash(tmp_path):
    """An experiment that crashes a service of a target of these tests."""

    def write(target, service, *, probe, **block):
        document = {
            "title": f"A crash of {service}",
            "description": "What it acknowledged must be there.",
            "extensions": [
                {
                    "name": "chaoskit",
                    "target": target,
                    "phases": {"baseline": "2s", "watch": "15s", "stable": "1s"},
                    "budgets": {"recovery": "10s"},
                    **block,
                }
            ],
            "steady-state-hypothesis": {
                "title": "It answers",
                "probes": [{"type": "probe", "name": "answers", **probe}],
            },
            "method": [
                {
                    "type": "action",
                    "name": "crash",
                    "provider": {
                        "type": "python",
                        "module": "chaoskit.faults.crash",
                        "func": "inject",
                        "arguments": {"service": service, "pick": "any"},
                    },
                }
            ],
        }
        path = tmp_path / f"{target}.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    return write


def facts(ran, experiment=0):
    return ran.journal["experiments"][experiment]["trials"][0]["judgement"]["ledger"]


def ledger(ran, experiment=0):
    folder = ran.journal["experiments"][experiment]["trials"][0]["folder"]
    return read_ledger(ran.folder / folder / "ledger.jsonl")


def test_the_same_crash_loses_everything_or_nothing_by_how_redis_persists(run, experiment):
    ran = run(
        experiment("redis-restart/crash-without-persistence"),
        experiment("redis-restart/crash-with-appendonly"),
    )

    assert (ran.code, ran.verdicts) == (0, ["data_lost", "healed"]), ran.out + ran.err
    lost, kept = facts(ran, 0), facts(ran, 1)
    assert lost["lost"] > 40
    assert lost["lost_first"][:3] == [0, 1, 2]
    assert lost["lost_span_s"] > 0.8
    assert (kept["lost"], kept["duplicated"], kept["unexpected"]) == (0, 0, 0)
    assert kept["acked"] > 80
    assert kept["stale_reads"] == 0
    recovery = next(
        one
        for one in ran.journal["experiments"][0]["trials"][0]["judgement"]["measures"]
        if one["measure"] == "recovery"
    )
    assert recovery["high"] < 4, "the recovery alone would have passed"
    assert "acknowledged writes were lost" in (ran.folder / "report.html").read_text()


def test_a_store_that_writes_later_loses_what_came_since(run, crash):
    path = crash(
        "write-behind",
        "store",
        probe={"tolerance": 200, "provider": {"type": "http", "url": "${store_url}/"}},
        ledger={
            "kind": "http",
            "url": "${store_url}/items",
            "read_url": "${store_url}/items",
            "rate": 50,
        },
    )
    ran = run(path, extra=("--targets", TARGETS))

    assert (ran.code, ran.verdicts) == (1, ["data_lost"]), ran.out + ran.err
    found = facts(ran)
    assert 0 < found["lost"] < found["acked"] / 2
    assert found["lost_span_s"] <= 1.3, "the store writes once a second"
    last = max(one.value for one in ledger(ran).writes if one.fate is Fate.OK)
    assert last not in found["lost_first"]


def test_a_crash_of_postgresql_loses_no_acknowledged_row(run, crash):
    path = crash(
        "one-postgres",
        "postgres",
        probe={
            "tolerance": True,
            "provider": {
                "type": "python",
                "module": "chaoskit.probes.postgres",
                "func": "accepts",
                "arguments": {"url": "${pg_url}"},
            },
        },
        ledger={"kind": "postgres", "url": "${pg_url}", "rate": 50},
    )
    ran = run(path, extra=("--targets", TARGETS))

    assert (ran.code, ran.verdicts) == (0, ["healed"]), ran.out + ran.err
    found = facts(ran)
    assert (found["lost"], found["duplicated"], found["unexpected"]) == (0, 0, 0)
    assert found["acked"] > 80
    assert found["refused"] + found["indeterminate"] > 0, "nobody was writing during the crash"
