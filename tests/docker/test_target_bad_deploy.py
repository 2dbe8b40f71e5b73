"""The target bad-deploy: a release that fails under load is taken back, unless nobody looks."""

import pytest

from tests.docker.conftest import ROOT

pytestmark = pytest.mark.docker

EXPERIMENTS = ROOT / "experiments" / "bad-deploy"


def shorter(document, block):
    """As long as the rolling update needs to reach everybody."""
    block["phases"] = {"baseline": "1s", "watch": "14s", "stable": "11s"}
    block["budgets"] = {"recovery": "2s"}


def replaced(ran, experiment):
    """The replicas that were started anew from the deployment until the lift."""
    marks = ran.marks(experiment=experiment)
    lifts = [one["at_ns"] for one in marks if one["kind"] == "phase" and one["detail"] == "lift"]
    return {
        one["instance"]
        for one in marks
        if (one["kind"], one["service"], one["detail"]) == ("engine", "web", "start")
        and one["at_ns"] < lifts[0]
    }


def test_a_bad_release_is_taken_back_and_spreads_when_the_gate_is_off(run, experiment):
    ran = run(EXPERIMENTS / "fails-under-load.yaml", experiment("bad-deploy/ungated", shorter))
    names = [one["name"] for one in ran.journal["experiments"]]
    gated = names.index("bad-deploy/fails-under-load")
    ungated = 1 - gated

    assert ran.code == 0, ran.out + ran.err
    assert ran.verdicts[gated] == "healed"
    assert ran.verdicts[ungated] == "not_healed"
    assert len(replaced(ran, gated)) == 1, "no second replica gets a release that fails"
    assert len(replaced(ran, ungated)) == 3, "without the gate they all do"

    told = ran.journal["experiments"][gated]["trials"][0]["judgement"]
    deployer = next(one for one in told["acts"] if one["healer"] == "deployer")
    measures = {one["measure"]: one for one in told["measures"]}
    assert deployer["detected_s"] <= deployer["acted_s"] <= deployer["restored_s"]
    # Both readings of a failed deployment's recovery time: with detection, and without.
    assert measures["repair"]["note"].startswith("after deployer had noticed")
    with_detection_s = deployer["detected_s"] + measures["repair"]["high"]
    assert measures["recovery"]["high"] == pytest.approx(with_detection_s, abs=0.01)  # witness
