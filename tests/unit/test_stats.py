"""Every bound against its published vector, and against scipy where scipy has it."""

import math
import subprocess
import sys

import pytest

from chaoskit.stats import binomial, plans, proportion, quantile
from chaoskit.stats.eprocess import Decision, EProcess, combined, discoveries, mixture

INF = math.inf


def test_the_judges_statistics_need_neither_numpy_nor_scipy():
    code = (
        "import sys; from chaoskit.stats import plans, proportion, quantile, eprocess; "
        "plans.claim(22, 1); assert not {'numpy', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("n", [1, 5, 29, 93, 1049])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 0.99])
def test_binomial_tails_agree_with_scipy(n: int, p: float):
    from scipy import stats

    for k in {0, 1, n // 2, n - 1, n}:
        assert binomial.at_most(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-11)
        assert binomial.at_least(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), abs=1e-11)


@pytest.mark.parametrize(
    ("share", "confidence", "trials"),
    [
        (0.5, 0.90, 4),
        (0.5, 0.95, 5),
        (0.5, 0.99, 7),
        (0.75, 0.90, 9),
        (0.75, 0.95, 11),
        (0.75, 0.99, 17),
        (0.8, 0.90, 11),
        (0.8, 0.95, 14),
        (0.8, 0.99, 21),
        (0.9, 0.90, 22),
        (0.9, 0.95, 29),
        (0.9, 0.99, 44),
        (0.95, 0.90, 45),
        (0.95, 0.95, 59),
        (0.95, 0.99, 90),
        (0.99, 0.90, 230),
        (0.99, 0.95, 299),
        (0.99, 0.99, 459),
    ],
)
def test_how_many_clean_trials_a_quantile_takes(share: float, confidence: float, trials: int):
    assert quantile.trials_needed(share, confidence) == trials
    assert quantile.rank(trials, share, confidence) == trials
    assert quantile.rank(trials - 1, share, confidence) is None


@pytest.mark.parametrize(
    ("share", "trials"),
    [
        (0.5, (8, 11, 13, 16, 18)),
        (0.8, (22, 30, 37, 44, 50)),
        (0.9, (46, 61, 76, 89, 103)),
        (0.95, (93, 124, 153, 181, 208)),
        (0.99, (473, 628, 773, 913, 1049)),
    ],
)
def test_how_many_trials_it_takes_when_some_may_miss(share: float, trials: tuple[int, ...]):
    found = tuple(quantile.trials_needed(share, 0.95, misses) for misses in range(1, 6))

    assert found == trials


@pytest.mark.parametrize(
    ("n", "share", "rank", "coverage"),
    [
        (5, 0.5, 5, 0.9688),
        (8, 0.5, 7, 0.9648),
        (10, 0.5, 9, 0.9893),
        (20, 0.5, 15, 0.9793),
        (29, 0.9, 29, 0.9529),
        (30, 0.9, 30, 0.9576),
        (46, 0.9, 45, 0.9520),
        (59, 0.95, 59, 0.9515),
        (100, 0.9, 96, 0.9763),
        (100, 0.95, 99, 0.9629),
    ],
)
def test_which_value_in_order_bounds_a_quantile(n, share, rank, coverage):
    assert quantile.rank(n, share) == rank
    assert quantile.coverage(n, share, rank) == pytest.approx(coverage, abs=5e-5)


@pytest.mark.parametrize(
    ("values", "share", "bound"),
    [
        pytest.param(range(1, 31), 0.9, 30, id="30 values, p90"),
        pytest.param(range(1, 29), 0.9, None, id="28 are too few"),
        pytest.param(range(1, 11), 0.5, 9, id="10 values, median"),
        pytest.param([3, 1, 2, 5, INF], 0.5, INF, id="one was never seen to end"),
        pytest.param([], 0.5, None, id="none"),
    ],
)
def test_the_upper_bound_of_a_quantile(values, share, bound):
    assert quantile.upper_bound(list(values), share) == bound


def test_the_upper_bound_is_scipys():
    from scipy import stats

    values = [4.1, 4.4, 4.6, 5.0, 5.2, 5.1, 5.6, 5.9, 6.1, 6.4, 9.8, 5.5]
    theirs = stats.quantile_test(values, p=0.5, alternative="less").confidence_interval(0.95).high

    assert quantile.upper_bound(values, 0.5) == theirs


@pytest.mark.parametrize(
    ("kept", "trials", "low"),
    [
        (5, 5, 0.5493),
        (10, 10, 0.7411),
        (9, 10, 0.6058),
        (20, 20, 0.8609),
        (19, 20, 0.7839),
        (30, 30, 0.9050),
        (29, 30, 0.8514),
        (59, 59, 0.9505),
        (0, 7, 0.0),
    ],
)
def test_the_lower_bound_of_a_proportion(kept: int, trials: int, low: float):
    from scipy import stats

    found = proportion.lower_bound(kept, trials)
    exact = stats.binomtest(kept, trials, alternative="greater").proportion_ci(0.95, "exact")

    assert found == pytest.approx(low, abs=5e-5)
    assert found == pytest.approx(exact.low, abs=1e-9)
    assert proportion.upper_bound(trials - kept, trials) == pytest.approx(1 - found, abs=1e-9)


@pytest.mark.parametrize(("kept", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(kept: int, trials: int):
    with pytest.raises(ValueError, match="not possible"):
        proportion.lower_bound(kept, trials)


@pytest.mark.parametrize("plan", plans.NAMED.values(), ids=plans.NAMED)
def test_every_named_plan_supports_its_claim_and_no_smaller_one_does(plan: plans.NamedPlan):
    assert plans.supports(plan.runs, plan.allow, plan.share)
    assert not plans.supports(plan.runs - 1, plan.allow, plan.share)
    assert plans.shortfall(plan.runs, plan.allow, plan.share) == ""


def test_a_plan_that_is_too_small_says_what_it_would_take():
    assert plans.shortfall(10, 0, 0.9) == (
        "10 trials with 0 allowed to miss prove 74 % of cases at most; 90 % takes 29"
    )


@pytest.mark.parametrize(
    ("runs", "allow", "chances"),
    [
        (14, 0, (0.229, 0.488, 0.754, 0.869, 0.932)),
        (22, 1, (0.339, 0.698, 0.929, 0.980, 0.995)),
        (29, 0, (0.047, 0.226, 0.557, 0.747, 0.865)),
        (46, 1, (0.048, 0.323, 0.765, 0.922, 0.978)),
        (59, 0, (0.002, 0.048, 0.304, 0.553, 0.744)),
    ],
)
def test_how_often_a_good_system_keeps_a_plan(runs, allow, chances):
    for true, chance in zip((0.90, 0.95, 0.98, 0.99, 0.995), chances, strict=True):
        assert plans.chance_to_pass(runs, allow, true) == pytest.approx(chance, abs=6e-4)


@pytest.mark.parametrize(
    ("trials", "misses", "claim"),
    [
        (5, 0, "in at least 54 % of cases, 95 % confidence, 5 trials"),
        (22, 1, "in at least 80 % of cases, 95 % confidence, 22 trials, 1 missed"),
        (1, 0, "in at least 5 % of cases, 95 % confidence, 1 trial"),
        (3, 3, "in at least 0 % of cases, 95 % confidence, 3 trials, 3 missed"),
        (460, 0, "in at least 99.3 % of cases, 95 % confidence, 460 trials"),
    ],
)
def test_a_claim_is_never_rounded_up(trials: int, misses: int, claim: str):
    assert plans.claim(trials, misses) == claim


def outcomes(text: str) -> list[bool]:
    return [one == "." for one in text]


@pytest.mark.parametrize(
    ("process", "text", "decision", "after"),
    [
        pytest.param(EProcess(), "." * 60, Decision.PROVEN, 32, id="all kept"),
        pytest.param(EProcess(), "." * 31, Decision.OPEN, 31, id="one short"),
        pytest.param(EProcess(), "xx", Decision.REFUTED, 2, id="two misses in a row"),
        pytest.param(
            EProcess(), "x" + "." * 60, Decision.PROVEN, 57, id="56 kept outweigh one miss"
        ),
        pytest.param(EProcess(), "", Decision.OPEN, 0, id="nothing yet"),
        pytest.param(
            EProcess(share=0.8, better=0.95, worse=0.4), "." * 40, Decision.PROVEN, 18, id="80 %"
        ),
        pytest.param(
            EProcess(share=0.8, better=0.95, worse=0.4), "xxx", Decision.REFUTED, 3, id="80 %, bad"
        ),
    ],
)
def test_the_e_process_stops_as_soon_as_the_evidence_decides(process, text, decision, after):
    assert process.decide(outcomes(text)) == (decision, after)


def test_the_evidence_of_clean_trials():
    assert EProcess().passing(32, 0) == pytest.approx(21.114, abs=5e-4)
    assert EProcess().passing(31, 0) == pytest.approx(19.194, abs=5e-4)
    assert EProcess().failing(0, 2) == pytest.approx(25)


def test_looking_after_every_trial_passes_a_system_at_the_bound_at_most_one_time_in_twenty():
    """Exact: the chance of ever being proven within 200 trials, at exactly the claimed share."""
    process, share = EProcess(), 0.9
    alive, proven = {0: 1.0}, 0.0  # by number of misses
    for n in range(1, 201):
        step: dict[int, float] = {}
        for missed, chance in alive.items():
            for more, p in ((0, share), (1, 1 - share)):
                step[missed + more] = step.get(missed + more, 0.0) + chance * p
        alive = {}
        for missed, chance in step.items():
            if process.passing(n - missed, missed) >= 1 / process.alpha:
                proven += chance
            else:
                alive[missed] = chance

    assert 0.03 < proven <= 0.05


@pytest.mark.parametrize("settings", [{"better": 0.8}, {"worse": 0.95}, {"alpha": 0}])
def test_an_e_process_that_bets_nonsense_is_refused(settings):
    with pytest.raises(ValueError, match="needs 0 < worse < share < better < 1"):
        EProcess(**settings)


def test_the_mixture_needs_no_bet():
    assert mixture(29, 0, 0.9) == pytest.approx(6.78, abs=5e-3)
    assert mixture(45, 0, 0.9) == pytest.approx(24.71, abs=5e-3)
    assert mixture(42, 0, 0.9) < 20 <= mixture(43, 0, 0.9)


def test_e_values_of_a_suite():
    assert discoveries([120, 45, 18, 9, 2, 0.5], alpha=0.1) == (0, 1)
    assert discoveries([0.5, 45, 2, 120, 18, 9], alpha=0.1) == (1, 3)
    assert discoveries([], alpha=0.1) == ()
    assert combined([120, 0.5, 2.5]) == pytest.approx(41)
