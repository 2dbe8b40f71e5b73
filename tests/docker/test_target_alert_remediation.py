"""The target alert-remediation: a leak is prevented, and not when nobody is told of it."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

EXPERIMENTS = Path(__file__).parents[2] / "experiments" / "alert-remediation"


def seen(ran, number, kind):
    """The healers that left marks of a kind in an experiment's one trial."""
    acts = ran.journal["experiments"][number]["trials"][0]["judgement"]["acts"]
    return {one["healer"] for one in acts if one[f"{kind}_s"] is not None}


def quicker(document, block):
    """Twice the leak, and no longer a watch than that needs."""
    block["phases"] = {"baseline": "2s", "watch": "18s", "stable": "1s"}
    leak = document["method"][1]["provider"]["arguments"]
    leak["rate"], leak["at"] = "24MiB", "2s"


def test_a_leak_is_prevented_and_without_the_webhook_it_is_not(run, experiment):
    ran = run(
        EXPERIMENTS / "memory-leak.yaml", experiment("alert-remediation/remediation-down", quicker)
    )
    by_name = {one["name"]: number for number, one in enumerate(ran.journal["experiments"])}
    leak = by_name.pop("alert-remediation/memory-leak")
    (down,) = by_name.values()

    assert ran.code == 0, ran.err
    assert (ran.verdicts[leak], ran.verdicts[down]) == ("prevented", "wrong_healer")
    assert {"prometheus", "remediation"} <= seen(ran, leak, "detected")
    assert "remediation" in seen(ran, leak, "acted")
    assert "docker-restart" not in seen(ran, leak, "acted")
    assert "prometheus" in seen(ran, down, "detected")
    assert "docker-restart" in seen(ran, down, "detected")
    assert "remediation" not in seen(ran, down, "acted")
