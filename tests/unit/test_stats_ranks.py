"""Exact ranks with ties, many tests at once, censored comparisons, and change points."""

import random
from itertools import combinations

import pytest
from scipy import stats

from chaoskit.stats.censored import Times
from chaoskit.stats.changes import Usual, change_points, usual
from chaoskit.stats.compare import compare
from chaoskit.stats.compare_censored import compare_censored
from chaoskit.stats.multiplicity import holm
from chaoskit.stats.ranks import rank_test


@pytest.mark.parametrize(
    ("baseline", "candidate", "u", "p_above"),
    [
        pytest.param(
            [4.1, 4.4, 4.6, 5.0, 5.2], [5.1, 5.6, 5.9, 6.1, 6.4], 24, 2 / 252, id="no ties"
        ),
        pytest.param(
            [5, 6, 6.5, 7, 8, 9, 11, 12], [9, 10, 12, 13, 15, 18, 60, 60], 59, 0.0013986, id="ties"
        ),
        pytest.param([1, 2, 3], [4, 5, 6], 9, 1 / 20, id="three against three"),
        pytest.param([1, 2, 3, 4], [5, 6, 7, 8], 16, 1 / 70, id="four against four"),
        pytest.param([0, 0, 0, 0], [0, 0, 0, 0], 8, 1.0, id="all alike"),
    ],
)
def test_the_exact_distribution(baseline, candidate, u, p_above):
    found = rank_test(baseline, candidate)

    assert found.exact
    assert found.u == u
    assert found.p_above == pytest.approx(p_above, abs=5e-8)
    assert rank_test(candidate, baseline).p_below == pytest.approx(p_above, abs=5e-8)


def test_without_ties_it_is_scipys():
    rng = random.Random(3)
    x, y = [rng.random() for _ in range(9)], [rng.random() + 0.2 for _ in range(7)]
    theirs = stats.mannwhitneyu(y, x, alternative="greater", method="exact")

    assert rank_test(x, y).p_above == pytest.approx(theirs.pvalue)
    assert rank_test(x, y).u == theirs.statistic


def test_with_ties_it_is_the_permutation_distribution():
    x, y = [0.0, 0.1, 0.1, 0.2], [0.1, 0.2, 0.2, 0.3, 0.3]
    found = rank_test(x, y)
    values = [*x, *y]

    def above(chosen):
        mine = [values[i] for i in chosen]
        others = [one for i, one in enumerate(values) if i not in chosen]
        return sum((a > b) + (a == b) / 2 for a in mine for b in others)

    every = [above(set(one)) for one in combinations(range(9), 5)]

    assert found.u == above(set(range(4, 9)))
    assert found.p_above == pytest.approx(sum(one >= found.u for one in every) / len(every))
    assert found.least_p == pytest.approx(
        max(every.count(max(every)), every.count(min(every))) / len(every)
    )


def test_large_samples_are_approximated():
    x, y = [i / 100 for i in range(60)], [i / 100 + 0.1 for i in range(60)]
    found = rank_test(x, y)

    assert not found.exact
    assert 0 < found.p_above < 0.05
    assert rank_test([1.0] * 60, [1.0] * 60).p_above > 0.4


def test_an_empty_sample_cannot_be_ranked():
    with pytest.raises(ValueError, match="at least one"):
        rank_test([], [1.0])


@pytest.mark.parametrize(
    ("values", "adjusted"),
    [
        pytest.param([0.01, 0.04, 0.03], [0.03, 0.06, 0.06], id="step down, never decreasing"),
        pytest.param([0.5, 0.6], [1.0, 1.0], id="at most one"),
        pytest.param([0.02], [0.02], id="one test"),
        pytest.param([], [], id="none"),
    ],
)
def test_holm(values, adjusted):
    assert holm(values) == pytest.approx(tuple(adjusted))


def test_a_test_that_could_not_have_come_out_so_small_costs_nothing():
    assert holm([0.004, 1.0, 1.0], [0.004, 1.0, 1.0]) == pytest.approx((0.004, 1.0, 1.0))
    assert holm([0.02, 0.5, 0.5], [0.004, 0.01, 0.03]) == pytest.approx((0.04, 1.0, 1.0))


def test_holm_keeps_false_alarms_rare_in_a_suite_of_exact_tests():
    rng = random.Random(11)
    alarms = 0
    for _ in range(200):
        found = [
            rank_test([rng.random() for _ in range(5)], [rng.random() for _ in range(5)])
            for _ in range(6)
        ]
        adjusted = holm([one.p_above for one in found], [one.least_p for one in found])
        alarms += min(adjusted) <= 0.05

    assert alarms / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


BASE = (1.0, 1.1, 1.2, 1.3, 1.1)


@pytest.mark.parametrize(
    ("baseline", "candidate", "slower", "low_above_gate"),
    [
        pytest.param(Times(seen=BASE), Times(beyond=(30.0,) * 5), True, True, id="never again"),
        pytest.param(
            Times(seen=BASE), Times(seen=(1.0, 1.1, 1.2, 1.2), beyond=(30.0,)), False, False,
            id="one of five",
        ),
        pytest.param(Times(beyond=(30.0,) * 5), Times(seen=BASE), False, False, id="mended"),
        pytest.param(
            Times(beyond=(30.0,) * 5), Times(beyond=(30.0,) * 5), False, False, id="never, twice"
        ),
        pytest.param(
            Times(seen=BASE), Times(beyond=(0.5,) * 5), False, False, id="not watched for long"
        ),
    ],
)  # fmt: skip
def test_what_was_not_seen_to_end_is_longer_than_that(baseline, candidate, slower, low_above_gate):
    found = compare_censored(baseline, candidate)
    assert found is not None

    assert (found.p_slower < 0.01) is slower
    assert (found.low_s is not None and found.low_s > found.gate_s) is low_above_gate


def test_the_interval_of_a_censored_shift_is_open_where_nothing_is_known():
    worse = compare_censored(Times(seen=BASE), Times(beyond=(30.0,) * 5))
    better = compare_censored(Times(beyond=(30.0,) * 5), Times(seen=BASE))
    assert worse is not None
    assert better is not None

    assert worse.low_s == pytest.approx(28.7)
    assert worse.high_s is None
    assert better.low_s is None
    assert better.high_s == pytest.approx(-28.7)
    assert worse.shift_s is None


def test_too_few_censored_trials_are_no_test():
    assert compare_censored(Times(seen=BASE[:3]), Times(beyond=(30.0,) * 5)) is None


def test_without_censoring_both_ways_have_the_same_interval():
    candidate = tuple(one + 0.5 for one in BASE)
    plain = compare(BASE, candidate)
    censored = compare_censored(Times(seen=BASE), Times(seen=candidate))
    assert plain is not None
    assert censored is not None

    assert (plain.low_s, plain.high_s) == pytest.approx((censored.low_s, censored.high_s))


def level(mean, count, rng, spread=0.1):
    return [rng.gauss(mean, spread) for _ in range(count)]


def test_a_change_of_level_is_found_where_it_was():
    rng = random.Random(5)
    (change,) = change_points([*level(1.0, 25, rng), *level(1.4, 15, rng)])

    assert abs(change.index - 25) <= 1
    assert change.share == pytest.approx(0.4, abs=0.1)
    assert change.p < 0.001


def test_two_changes_are_told_apart():
    rng = random.Random(6)
    found = change_points([*level(1, 20, rng), *level(2, 20, rng), *level(1.2, 20, rng)])

    assert [round(one.index, -1) for one in found] == [20, 40]


def test_a_steady_series_has_few_changes():
    rng = random.Random(7)
    false = sum(bool(change_points(level(1.0, 40, rng))) for _ in range(100))

    assert false <= 12


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        pytest.param([1.0] * 10 + [2.0] * 9, 0, id="too short a history"),
        pytest.param([1.0] * 40, 0, id="constant"),
        pytest.param([1.0] * 20 + [2.0] * 20, 1, id="no spread at all"),
        pytest.param([1.0] * 20 + [1.01] * 20, 0, id="too small to care"),
        pytest.param([0.0] * 20 + [1.0] * 20, 1, id="from nothing"),
        pytest.param([1.0, 1.1] * 10 + [9.0] + [1.0, 1.1] * 10, 0, id="one outlier"),
    ],
)
def test_what_counts_as_a_change(values, changes):
    assert len(change_points(values)) == changes


def test_the_usual_level_ignores_outliers():
    assert usual([1.0, 1.1, 0.9, 1.0, 50.0]) == Usual(median=1.0, mad=pytest.approx(0.1))
    assert usual([1.0, 1.1, 0.9, 1.0, 50.0]).limit == pytest.approx(1.44478)
    assert usual([1.0] * 5).limit == pytest.approx(1.2)
