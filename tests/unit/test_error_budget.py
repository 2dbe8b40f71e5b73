"""Error budgets: every vector of the reference table, and what a fault's outage is said to cost."""

import math

import pytest

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

# SLO: budget of 30 days, what 26 s of complete outage spend, how many of those, seconds to fire
TABLE = [
    (0.99, 25_920, 0.00100, 996.9, 518.4, 1296, 2592),
    (0.999, 2_592, 0.01003, 99.69, 51.84, 129.6, 259.2),
    (0.9995, 1_296, 0.02006, 49.85, 25.92, 64.8, 129.6),
    (0.9999, 259.2, 0.1003, 9.969, 5.184, 12.96, 25.92),
    (0.99999, 25.92, 1.003, 0.9969, 0.5184, 1.296, 2.592),
]


@pytest.mark.parametrize(
    ("slo", "budget", "spent", "often", "fast", "slow", "ticket"), TABLE, ids=lambda one: f"{one:g}"
)
def test_the_table_of_the_reference(slo, budget, spent, often, fast, slow, ticket):
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
