"""Comparing series: censored or not, drifting or not. These modules use scipy."""

import math
import random

import pytest

from chaoskit.stats.censored import Times, log_rank, median_s, survival
from chaoskit.stats.compare import _mann_whitney_counts, compare
from chaoskit.stats.independence import lock, phase_p, trend, trend_p

BASE = Times(seen=(5, 6, 6.5, 7, 8, 9, 11, 12))
CANDIDATE = Times(seen=(9, 10, 12, 13, 15, 18), beyond=(60, 60))


def test_log_rank_tells_that_a_candidate_recovers_slower():
    found = log_rank(BASE, CANDIDATE)

    assert found.statistic == pytest.approx(3.1448, abs=5e-5)
    assert found.p_slower == pytest.approx(0.00083, abs=5e-6)
    assert found.p_different == pytest.approx(0.00166, abs=5e-6)


def test_log_rank_of_the_faster_one_is_no_evidence():
    assert log_rank(CANDIDATE, BASE).p_slower > 0.99


def test_the_median_counts_what_never_ended():
    assert median_s(Times(seen=BASE.seen, beyond=(60, 60))) == 8
    assert median_s(Times(seen=(1,), beyond=(60, 60))) is None
    assert median_s(Times()) is None


def test_the_survival_curve_falls_and_stays_inside_its_band():
    curve = survival(Times(seen=BASE.seen, beyond=(60, 60)))

    assert list(curve.share) == sorted(curve.share, reverse=True)
    assert curve.share[curve.times_s.index(8)] == pytest.approx(0.5)
    for low, share, high in zip(curve.low, curve.share, curve.high, strict=True):
        assert low - 1e-9 <= share <= high + 1e-9 or math.isnan(low)


@pytest.mark.parametrize(("first", "second"), [(Times(), BASE), (BASE, Times())])
def test_an_empty_series_cannot_be_compared(first: Times, second: Times):
    with pytest.raises(ValueError, match="at least one"):
        log_rank(first, second)


X = (4.1, 4.4, 4.6, 5.0, 5.2)
Y = (5.1, 5.6, 5.9, 6.1, 6.4)


def test_mann_whitney_and_hodges_lehmann():
    found = compare(X, Y)
    assert found is not None

    assert found.u == 24
    assert found.p_slower == pytest.approx(0.0079365, abs=5e-8)
    assert found.p_different == pytest.approx(0.0158730, abs=5e-8)
    assert found.superiority == pytest.approx(0.96)
    assert found.shift_s == pytest.approx(1.2)
    assert (found.low_s, found.high_s) == (pytest.approx(0.4), pytest.approx(2.0))


@pytest.mark.parametrize(
    ("candidate", "period_s", "regression"),
    [
        pytest.param([x + 5 for x in X], 0.0, True, id="much slower"),
        pytest.param([x + 0.6 for x in X], 0.0, False, id="significant, or nearly, and small"),
        pytest.param([x + 2 for x in X], 1.0, False, id="within two periods"),
        pytest.param([x - 2 for x in X], 0.0, False, id="faster"),
        pytest.param(list(X), 0.0, False, id="the same"),
    ],
)
def test_a_regression_is_significant_and_large_enough_to_matter(candidate, period_s, regression):
    found = compare(X, candidate, period_s=period_s)
    assert found is not None

    assert found.regression is regression


def test_three_trials_an_arm_are_no_test():
    assert compare(X[:3], Y) is None
    assert compare(X, Y[:3]) is None


def test_a_common_cap_ranks_as_a_tie():
    found = compare(BASE.seen, (*CANDIDATE.seen, 60, 60))
    assert found is not None

    assert found.u == 59


def test_the_exact_distribution_counts_every_arrangement():
    counts = _mann_whitney_counts(5, 5)

    assert sum(counts) == 252
    assert counts == counts[::-1]
    assert counts[:4] == [1, 1, 2, 3]


def test_a_back_off_that_grows_from_trial_to_trial_is_found():
    back_off = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8]

    assert trend(back_off).startswith("the trials drift")
    assert trend(back_off[:7]) == ""  # too few to tell
    assert trend([one / 1000 for one in back_off], least=0.02) == ""  # below what can be measured


def test_trials_that_do_not_drift_are_left_alone():
    rng = random.Random(7)

    assert trend([rng.random() for _ in range(20)]) == ""
    assert trend([1.0] * 20) == ""
    assert trend_p([1.0, 2.0]) is None


def test_trials_that_are_locked_to_a_timer_are_found():
    rng = random.Random(7)
    locked = [5.0 + 0.01 * rng.random() for _ in range(30)]
    free = [4.0 + 2.0 * rng.random() for _ in range(30)]

    assert (phase_p(locked, 4, 6) or 1) < 1e-6
    assert (phase_p(free, 4, 6) or 0) > 0.01
    assert phase_p(free, 6, 6) is None


def test_late_or_noisy_detections_are_no_lock():
    rng = random.Random(7)
    locked = [5.0 + 0.01 * rng.random() for _ in range(30)]
    late = [4.5 + 2.0 * rng.random() for _ in range(30)]
    noisy = [4.0 + 2.0 * rng.random() + 3.0 * rng.random() for _ in range(30)]

    assert lock(locked, 4, 6).startswith("the faults were locked")
    assert lock(late, 4, 6) == ""
    assert lock(noisy, 4, 6) == ""
    assert lock(locked[:7], 4, 6) == ""


def test_a_false_alarm_about_independence_is_rare():
    rng = random.Random(11)
    series = [[4 + 2 * rng.random() for _ in range(22)] for _ in range(300)]

    assert sum(bool(trend(one) or lock(one, 4, 6)) for one in series) <= 12  # 2 % expected
