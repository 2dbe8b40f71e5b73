"""A supervisor inside a container: its watchdog ends a hang, and its start limit ends the healing."""

import pytest

from tests.docker.conftest import ROOT

pytestmark = pytest.mark.docker

EXPERIMENTS = ROOT / "experiments" / "supervised"


def told(ran, experiment):
    """Who noticed and who acted, in order."""
    marks = ran.marks(experiment=experiment)
    return [(one["source"], one["kind"]) for one in marks if one["kind"] in {"detected", "acted"}]


def test_a_hang_is_caught_by_the_watchdog_and_a_start_limit_is_reported(run):
    ran = run(EXPERIMENTS / "hang.yaml", EXPERIMENTS / "broken-start-given-up.yaml")

    found = {one["name"]: one["judgement"]["verdict"] for one in ran.journal["experiments"]}
    assert found == {
        "supervised/hang": "healed",
        "supervised/broken-start-given-up": "not_healed",
    }, ran.out
    assert ran.code == 0
    names = list(found)
    hang = told(ran, names.index("supervised/hang"))
    assert hang.index(("watchdog", "acted")) < hang.index(("supervisor", "acted"))
    given_up = told(ran, names.index("supervised/broken-start-given-up"))
    assert given_up[-1] == ("start-limit", "detected")
    assert "entered FATAL state" in (ran.folder / "logs" / "supervised" / "web.log").read_text()
