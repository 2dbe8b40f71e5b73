"""docs/targets.md and docs/track-record.md: in step with what was measured, and true to it."""

from pathlib import Path

import pytest

from benchmarks import _targets_page, targets, track_record
from benchmarks._recoveries import recovery_of

ROOT = Path(__file__).parents[2]


def trial(*, low=None, high=None, censored=False, verdict="healed", measure="recovery"):
    """One judged trial, as a journal has it."""
    span = {"measure": measure, "low": low, "high": high, "censored": censored, "after_lift": False}
    return {"judgement": {"verdict": verdict, "measures": [span]}}


def test_the_page_of_the_targets_is_what_was_measured():
    page = _targets_page.FILE.read_text(encoding="utf-8")

    assert page == _targets_page.render(targets._read())


def test_the_track_record_is_what_was_run():
    page = track_record.PAGE.read_text(encoding="utf-8")

    assert page == track_record.render(track_record._read())


@pytest.mark.parametrize("name", track_record._wanted())
def test_every_finding_and_every_fixed_variant_is_an_experiment(name):
    assert (ROOT / "experiments" / f"{name}.yaml").is_file()


@pytest.mark.parametrize("name", targets._there())
def test_every_target_has_an_experiment_with_the_healer_that_stands_for_it(name):
    case = targets.CASES[name]
    text = (ROOT / "targets" / name / "target.yaml").read_text(encoding="utf-8")

    assert targets._file(name).is_file()
    assert f"name: {case.healer}\n" in text


def test_recovery_is_the_median_of_the_middles_and_a_bound_on_the_worse_ends():
    trials = [trial(low=one / 10, high=one / 10 + 0.1) for one in range(1, 23)]
    found = recovery_of(trials, "recovery", 2.0)

    assert (found["trials"], found["void"], found["not_recovered"]) == (22, 0, 0)
    assert found["median_s"] == pytest.approx(1.2)
    assert found["p90_s"] == pytest.approx(2.1)
    assert found["p90_bound_s"] == pytest.approx(2.3), "22 values bound p90 by the largest"
    assert found["within_budget"] == 19


def test_too_few_trials_bound_nothing():
    trials = [trial(low=0.1, high=0.2)] * 21

    assert recovery_of(trials, "recovery", None)["p90_bound_s"] is None


def test_what_did_not_recover_is_the_worst_and_what_is_void_does_not_count():
    trials = [trial(low=0.1, high=0.2)] * 21 + [trial(low=9.0, censored=True, verdict="not_healed")]
    void = trial(low=0.0, high=0.0, verdict="baseline_not_met")
    found = recovery_of([*trials, void], "recovery", 2.0)

    assert (found["trials"], found["void"], found["not_recovered"]) == (22, 1, 1)
    assert found["p90_bound_s"] is None, "nothing bounds what was not seen to end"
    assert found["most_s"] is None
    assert found["within_budget"] == 21
