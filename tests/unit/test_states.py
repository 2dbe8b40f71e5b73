"""Up, degraded, down, unknown: what users had, bin by bin."""

from dataclasses import replace

import numpy as np
import pytest

from chaoskit.measures.degraded import MEASURE
from chaoskit.measures.series import Series
from chaoskit.measures.states import State, bins_of
from chaoskit.model.outcomes import Outcome
from tests.drawing import draw

LETTERS = {State.UP: "U", State.DEGRADED: "d", State.DOWN: "X", State.UNKNOWN: "?"}


def states(drawing: str, period_s: float = 0.02, slow_from: int | None = None) -> str:
    series = series_of(drawing, period_s, slow_from)
    return "".join(LETTERS[State(int(one))] for one in bins_of(series).states)


def series_of(drawing: str, period_s: float = 0.02, slow_from: int | None = None) -> Series:
    """Five asks of 20 ms are a bin; from ask number `slow_from` on, answers take 400 ms."""
    timeline = draw(drawing, period_s=period_s)
    if slow_from is None:
        return Series(timeline)
    samples = timeline.samples.copy()
    late = (samples["k"] >= slow_from) & (samples["outcome"] == Outcome.GOOD)
    samples["done"][late] = samples["due"][late] + 400_000_000
    return Series(replace(timeline, samples=np.asarray(samples)))


BEFORE = "." * 20


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("!..........|", "UU", id="all good"),
        pytest.param("!xxxxx.....|", "XU", id="half a second of nothing"),
        pytest.param("!x.........|", "dU", id="one of five"),
        pytest.param("!xxx.......|", "XU", id="at least half"),
        pytest.param("!.....?????.....|", "U?U", id="we were late"),
        pytest.param("!.....??.....x..|", "UUd", id="two unknown of five say nothing"),
        pytest.param("!....._____.....|", "U?U", id="nobody asked"),
        pytest.param("!xxxxxxx........|", "XdU", id="the edge of an outage"),
    ],
)
def test_the_state_of_a_bin(drawing, expected):
    assert states(BEFORE + drawing) == expected


def test_slow_answers_are_not_good_service():
    assert states(BEFORE + "!..........|", slow_from=25) == "Ud"


@pytest.mark.parametrize(
    ("period_s", "width_s"),
    [(0.001, 0.1), (0.02, 0.1), (0.04, 0.2), (0.1, 0.2), (0.2, 0.2), (1.0, 1.0)],
)
def test_a_bin_is_some_tenths_of_a_second_of_whole_periods(period_s, width_s):
    found = bins_of(series_of(BEFORE + "!..........|", period_s))

    assert found.width_ns / 1e9 == pytest.approx(width_s)


@pytest.mark.parametrize(
    ("drawing", "low", "high"),
    [
        pytest.param("!..........|", 0.0, 0.0, id="never"),
        pytest.param("!x....x.........|", 0.2, 0.2, id="two bins"),
        pytest.param("!xxxxxxx........|", 0.0, 0.1, id="the edge of an outage may be no more"),
        pytest.param("!x....?????.....|", 0.1, 0.2, id="what is unknown may have been"),
    ],
)
def test_degraded_time_is_an_interval(drawing, low, high):
    found = MEASURE.of(series_of(BEFORE + drawing))

    assert (found.low, found.high) == pytest.approx((low, high))


def test_degraded_says_what_it_calls_slow():
    assert "slow is above 100 ms" in MEASURE.of(series_of(BEFORE + "!.....|")).note


def test_without_a_fault_there_is_nothing_to_measure():
    assert not MEASURE.of(series_of("....")).known
    assert len(bins_of(series_of("....")).states) == 0
