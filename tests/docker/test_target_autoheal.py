"""The helper that restarts what is unhealthy: it heals a hang, and without it nothing does."""

import pytest

from tests.docker.conftest import ROOT

pytestmark = pytest.mark.docker

EXPERIMENTS = ROOT / "experiments" / "autoheal"


def test_the_helper_heals_a_hang_and_nobody_else_does(run):
    ran = run(EXPERIMENTS / "hang.yaml", EXPERIMENTS / "hang-without-the-helper.yaml")

    found = {
        one["name"].rpartition("/")[2]: one["judgement"]["verdict"]
        for one in ran.journal["experiments"]
    }
    assert found == {"hang": "healed", "hang-without-the-helper": "not_healed"}
    assert ran.code == 0, ran.out
