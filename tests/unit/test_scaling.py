"""How many replicas the autoscaler of targets/autoscaler wants, and when its crowd comes."""

import importlib.util
import sys
from pathlib import Path

import pytest

TARGETS = Path(__file__).parents[2] / "targets"


def load(path):
    spec = importlib.util.spec_from_file_location(f"target_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


scaling = load(TARGETS / "bad-deploy" / "controllers" / "scaling.py")
POLICY = scaling.Policy(
    share=10, least=2, most=8, look_back_s=4, look_ahead_s=5, window_s=6, tolerance=0.1
)
EVERY_S = 0.5


def wanted(load_at, until_s):
    """What is wanted at every look, from a load as a function of time."""
    state = scaling.Scaling(POLICY)
    times = [step * EVERY_S for step in range(int(until_s / EVERY_S) + 1)]
    return {at_s: state.wanted(at_s, load_at(at_s)) for at_s in times}


@pytest.mark.parametrize(
    ("load", "replicas"),
    [(0, 2), (20, 2), (20.9, 2), (22, 3), (50, 5), (79, 8), (500, 8)],
)
def test_each_replica_has_its_share_within_bounds(load, replicas):
    assert set(wanted(lambda at_s: load, 10).values()) == {replicas}


def test_a_step_is_met_at_once_and_not_taken_for_a_trend_without_end():
    found = wanted(lambda at_s: 10 if at_s < 5 else 30, 20)

    assert found[4.5] == 2
    assert found[5] >= 3
    assert max(found.values()) <= 6, "at most twice what there is"
    assert found[20] == 3


def test_a_rise_is_met_before_it_comes():
    found = wanted(lambda at_s: 2 * at_s, 30)

    for replicas in (3, 4, 5, 6):
        needed_s = next(at_s for at_s in found if 2 * at_s > POLICY.share * (replicas - 1) + 1)
        got_s = next(at_s for at_s, number in found.items() if number >= replicas)
        assert needed_s - got_s >= POLICY.look_ahead_s - EVERY_S


def test_fewer_only_when_nothing_spoke_for_more_in_the_whole_window():
    found = wanted(lambda at_s: 50 if at_s < 10 else 10, 30)
    fewer_s = next(at_s for at_s in found if at_s >= 10 and found[at_s] == 2)

    assert 10 + POLICY.window_s <= fewer_s <= 10 + POLICY.window_s + POLICY.look_back_s
    assert found[30] == 2


def test_a_dip_changes_nothing():
    found = wanted(lambda at_s: 10 if 10 <= at_s < 12 else 50, 25)

    assert min(number for at_s, number in found.items() if at_s >= 1) == 5


@pytest.mark.parametrize(
    ("rise_s", "number", "due_s"),
    [
        pytest.param("0", 0, 0, id="at once"),
        pytest.param("0", 100, 2, id="steady"),
        pytest.param("20", 500, 20, id="half of them while the rate rises"),
        pytest.param("20", 125, 10, id="a quarter of those in the first half"),
        pytest.param("20", 550, 21, id="then steady"),
    ],
)
def test_the_crowd_comes_evenly(monkeypatch, rise_s, number, due_s):
    monkeypatch.setenv("RATE", "50")
    monkeypatch.setenv("RISE_S", rise_s)
    crowd = load(TARGETS / "autoscaler" / "crowd" / "crowd.py")

    assert crowd.due_s(number) == pytest.approx(due_s)
