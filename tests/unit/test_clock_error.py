"""Samples by another clock than the marks': what is measured between both allows for the error."""

from dataclasses import replace

import pytest

from chaoskit.measures.base import catalogue
from chaoskit.measures.progress import baseline_is_steady
from chaoskit.measures.series import Series
from tests.drawing import draw

MS = 1_000_000


def measured(name, drawing, error_ms, **how):
    timeline = replace(draw(drawing, **how), clock_error_ns=error_ms * MS)
    return catalogue()[name].of(Series(timeline))


@pytest.mark.parametrize("name", ["recovery", "first_good", "impact", "repair"])
def test_what_is_between_a_mark_and_a_sample_is_wider_by_the_error_at_both_ends(name):
    drawing = "..........!...xxxx.....|.."
    exact, wide = measured(name, drawing, 0), measured(name, drawing, 20)

    late_only = name == "repair"  # nobody was seen to notice: anything up to the whole recovery
    assert wide.low == pytest.approx(exact.low - (0 if late_only else 0.02))
    assert wide.high == pytest.approx(exact.high + 0.02)
    assert wide.resolution == pytest.approx(exact.resolution + 0.02)


def test_the_length_of_an_outage_is_the_probers_own_and_does_not_change():
    drawing = "..........!...xxxx.....|.."
    exact, wide = measured("outage", drawing, 0), measured("outage", drawing, 20)

    assert (wide.low, wide.high) == (exact.low, exact.high)


def test_a_bad_ask_that_may_have_come_after_the_fault_is_the_faults():
    drawing = "..........x!.........|.."  # it was over 49 ms before the fault, by a clock that errs

    assert measured("first_good", drawing, 0).note == "users saw nothing"
    assert measured("first_good", drawing, 60).high > 0
    for error_ms, steady in ((0, False), (60, True)):
        timeline = replace(draw(drawing), clock_error_ns=error_ms * MS)
        assert baseline_is_steady(timeline, timeline.marks[-1].at_ns)[0] is steady


def test_what_may_have_been_good_only_after_the_lift_was_not_earned_before_it():
    drawing = "..........!xxxx....^........"  # four good ones, the last 40 ms before the lift

    assert not measured("recovery", drawing, 0, stable_s=0.4).after_lift
    assert measured("recovery", drawing, 60, stable_s=0.4).after_lift
