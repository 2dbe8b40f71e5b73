"""How often a cluster is asked, on a clock of the test's own."""

import pytest

from chaoskit.target.kubernetes.pace import AT_ONCE, RATE_HZ, Pace


class Clock:
    """Time passes only while somebody rests, or when the test says so."""

    def __init__(self):
        self.now_s = 1000.0

    def rest(self, seconds):
        self.now_s += seconds


def sent(pace, clock, count):
    """When each of so many requests goes out, in seconds from the first."""
    begun, times = clock.now_s, []
    for _ in range(count):
        pace.wait()
        times.append(clock.now_s - begun)
    return times


@pytest.fixture
def clock():
    return Clock()


def test_a_few_go_at_once_and_the_rest_one_by_one(clock):
    pace = Pace(4.0, 4, now_s=lambda: clock.now_s, rest_s=clock.rest)

    assert sent(pace, clock, 7) == pytest.approx([0, 0, 0, 0, 0.25, 0.5, 0.75])


def test_a_bucket_fills_again_but_never_runs_over(clock):
    pace = Pace(4.0, 4, now_s=lambda: clock.now_s, rest_s=clock.rest)
    sent(pace, clock, 10)
    clock.rest(3600)

    assert sent(pace, clock, 6) == pytest.approx([0, 0, 0, 0, 0.25, 0.5])


def test_who_asks_seldom_never_waits(clock):
    pace = Pace(4.0, 4, now_s=lambda: clock.now_s, rest_s=clock.rest)
    for _ in range(50):
        clock.rest(0.25)
        before = clock.now_s
        pace.wait()

        assert clock.now_s == before


@pytest.mark.parametrize("count", [20, 40, 200])
def test_the_promised_five_a_second_are_kept_whenever_a_start_is_longer_than_a_glance(clock, count):
    pace = Pace(now_s=lambda: clock.now_s, rest_s=clock.rest)
    last = sent(pace, clock, count)[-1]

    assert count / last <= 5.0
    assert count / last >= RATE_HZ
    assert AT_ONCE <= 5
