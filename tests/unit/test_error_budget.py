"""Error budgets: every vector of the reference table, and what a fault's outage is said to cost."""

import math
from dataclasses import replace

import pytest

from chaoskit.judge import judge_experiment
from chaoskit.model import codec
from chaoskit.model.experiment import Slo
from chaoskit.model.journal import TrialJudgement
from chaoskit.model.measures import Measured, Unit
from chaoskit.model.verdict import Verdict
from chaoskit.stats.error_budget import (
    DAY_S,
    FAST,
    SLOW,
    TICKET,
    affordable,
    affordable_whole,
    availability,
    budget_s,
    burn_rate,
    fires,
    needed_s,
    recovery_budget_s,
    spend,
    yearly_s,
)
from tests.judging import budgets, experiment, journal, judged, trial

# SLO: budget of 30 days, what 26 s of complete outage spend, how many of those, seconds to fire
TABLE = [
    (0.99, 25_920, 0.00100, 996.9, 518.4, 1296, 2592),
    (0.999, 2_592, 0.01003, 99.69, 51.84, 129.6, 259.2),
    (0.9995, 1_296, 0.02006, 49.85, 25.92, 64.8, 129.6),
    (0.9999, 259.2, 0.1003, 9.969, 5.184, 12.96, 25.92),
    (0.99999, 25.92, 1.003, 0.9969, 0.5184, 1.296, 2.592),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]:g}")
def test_the_table_of_the_reference(row):
    slo, budget, spent, often, fast, slow, ticket = row

    assert budget_s(slo) == pytest.approx(budget)
    assert spend(26, slo) == pytest.approx(spent, rel=5e-3)
    assert affordable(26, slo) == pytest.approx(often, rel=1e-4)
    assert needed_s(FAST, slo) == pytest.approx(fast)
    assert needed_s(SLOW, slo) == pytest.approx(slow)
    assert needed_s(TICKET, slo) == pytest.approx(ticket)


def test_twenty_six_seconds_at_three_nines_do_not_page():
    assert burn_rate(26, 3600, 0.999) == pytest.approx(7.22, abs=5e-3)
    assert not fires(FAST, 26, 0.999)
    assert fires(FAST, 26, 0.9995)
    assert fires(FAST, 51.84, 0.999)
    assert not fires(FAST, 51.83, 0.999)


def test_a_recovery_budget_follows_from_the_promise():
    assert recovery_budget_s(0.999, faults=10, share=0.25) == pytest.approx(64.8)
    assert recovery_budget_s(0.999, faults=10) == pytest.approx(259.2)
    assert recovery_budget_s(0.99, faults=1, share=0.5, window_s=7 * DAY_S) == pytest.approx(3024)


def test_whole_outages_are_counted_down():
    assert affordable_whole(26, 0.999) == 99
    assert affordable_whole(25.92, 0.999) == 100
    assert affordable_whole(26, 0.99999) == 0
    assert affordable_whole(0, 0.999) is None
    assert affordable(0, 0.999) == math.inf


def test_a_loose_promise_never_pages_fast():
    assert needed_s(FAST, 0.93) is None
    assert not fires(FAST, 3600, 0.93)
    assert needed_s(FAST, 0.94) == pytest.approx(3110.4)


def test_faults_add_up_over_a_year():
    assert yearly_s(26, faults=10) == pytest.approx(26 * 10 * 365 / 30)
    assert availability(26, faults=10) == pytest.approx(1 - 260 / 2_592_000)
    assert availability(1e9, faults=10) == 0


@pytest.mark.parametrize("objective", [0, 1, 1.5, -0.1])
def test_no_budget_for_a_promise_of_all_or_nothing(objective):
    with pytest.raises(ValueError, match="no error budget"):
        budget_s(objective)


@pytest.mark.parametrize(("faults", "share"), [(0, 0.5), (-1, 0.5), (10, 0), (10, 1.1)])
def test_no_recovery_budget_for_no_faults(faults, share):
    with pytest.raises(ValueError, match="no recovery budget"):
        recovery_budget_s(0.999, faults=faults, share=share)


def outage(low, high=None, *, measure="weighted_outage"):
    return Measured(measure=measure, unit=Unit.SECONDS, low=low, high=high, censored=high is None)


def judged_with(*measures, slo=None, verdict=Verdict.HEALED):
    trials = tuple(
        trial(i, judgement=TrialJudgement(verdict=verdict, reason="", measures=(one,)))
        for i, one in enumerate(measures, 1)
    )
    return judge_experiment(experiment(trials=trials, slo=slo))


THREE_NINES = Slo(objective=0.999)


@pytest.mark.parametrize(
    ("slo", "measures", "sentence"),
    [
        pytest.param(
            THREE_NINES,
            [outage(25.99, 26.01)] * 5,
            "this fault spends 1.0 % of a 99.9 % monthly error budget; "
            "99 of them are affordable; it would not page (51.8 s are needed)",
            id="the line of the reference",
        ),
        pytest.param(
            Slo(objective=0.9999),
            [outage(25.99, 26.01)],
            "this fault spends 10 % of a 99.99 % monthly error budget; "
            "9 of them are affordable; it would page (5.18 s are needed)",
            id="a stricter promise pages",
        ),
        pytest.param(
            THREE_NINES,
            [outage(51.8, 51.82), outage(51.9, 51.92)],
            "this fault spends 2.0 % of a 99.9 % monthly error budget; "
            "49 of them are affordable; it would page in 1 of 2 trials (51.8 s are needed)",
            id="sometimes",
        ),
        pytest.param(
            THREE_NINES,
            [outage(0.0, 0.0)] * 3,
            "this fault spends nothing of a 99.9 % monthly error budget; "
            "it would not page (51.8 s are needed)",
            id="masked",
        ),
        pytest.param(
            THREE_NINES,
            [outage(1.0, 1.1), outage(30.0)],
            "this fault spends more than 1.2 % of a 99.9 % monthly error budget; at most 86 of "
            "them are affordable; nobody can tell whether it would page (51.8 s are needed)",
            id="not seen to end",
        ),
        pytest.param(
            THREE_NINES,
            [outage(60.0)],
            "this fault spends more than 2.3 % of a 99.9 % monthly error budget; "
            "at most 43 of them are affordable; it would page (51.8 s are needed)",
            id="pages before it ends",
        ),
        pytest.param(
            Slo(objective=0.99999, window_s=7 * DAY_S),
            [outage(25.99, 26.01)],
            "this fault spends 430 % of a 99.999 % weekly error budget; "
            "not one of them is affordable; it would page (0.518 s are needed)",
            id="more than there is",
        ),
        pytest.param(
            Slo(objective=0.9, window_s=90 * DAY_S),
            [outage(0.9, 1.1)],
            "this fault spends less than 0.01 % of a 90 % 90-day error budget; 777,600 of them are "
            "affordable; no outage is long enough to page (14.4 times the budget's pace over 1 h)",
            id="a loose promise",
        ),
    ],
)
def test_the_sentence_says_what_a_fault_costs(slo, measures, sentence):
    found = judged_with(*measures, slo=slo).error_budget
    assert found is not None

    assert found.sentence == sentence


def test_the_cost_is_a_mean_and_the_worst_is_kept():
    found = judged_with(outage(1.0, 3.0), outage(3.0, 5.0), slo=THREE_NINES).error_budget
    assert found is not None

    assert found.spent_s == pytest.approx(3.0)
    assert found.worst_s == 5.0
    assert found.share == pytest.approx(3 / 2592)
    assert found.affordable == 864
    assert found.trials == 2


def test_without_a_promise_or_a_number_nothing_is_said():
    assert judged_with(outage(1.0, 2.0)).error_budget is None
    assert judged_with(outage(1, 2, measure="outage"), slo=THREE_NINES).error_budget is None
    assert judged_with(slo=THREE_NINES).error_budget is None


def test_a_void_trial_costs_nothing():
    void = judged_with(outage(1, 2), slo=THREE_NINES, verdict=Verdict.OBSERVER_LATE)

    assert void.error_budget is None


def test_the_journal_keeps_the_cost_and_the_promise():
    one = experiment(slo=Slo(objective=0.999, faults=10))
    run = journal(replace(one, judgement=judged_with(outage(1, 2), slo=THREE_NINES)))

    assert codec.load(codec.dump(run), source="x") == run


def test_a_drawn_outage_is_judged_into_a_cost():
    drawn = judged("..........!Dxxx......|", budgets=budgets(recovery=1.0))
    found = judge_experiment(
        experiment(slo=THREE_NINES, trials=(trial(judgement=drawn),))
    ).error_budget
    assert found is not None

    assert found.spent_s == pytest.approx(0.3)
    assert found.share == pytest.approx(0.3 / 2592)
