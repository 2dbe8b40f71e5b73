"""Faults at their time: `at` from the start of the method, and `for` as another name of duration."""

import threading

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import make
from chaoskit.model.timeline import NS
from chaoskit.run.clock import now_ns
from chaoskit.run.timetable import Timetable, lateness


def hang(**arguments):
    return make("hang", {"service": "web", **arguments})


def test_a_fault_without_a_time_comes_in_its_turn():
    begun_ns = now_ns()
    assert Timetable().wait_for(hang()) == 0
    assert now_ns() - begun_ns < NS // 10


def test_a_fault_waits_for_its_time_after_the_start_of_the_method():
    timetable, begun_ns = Timetable(), now_ns()
    timetable.begin()

    late_s = timetable.wait_for(hang(at="150ms"))
    assert now_ns() - begun_ns >= 150_000_000
    assert late_s >= 0


def test_two_faults_at_one_time_wait_side_by_side():
    timetable = Timetable()
    timetable.begin()
    begun_ns = now_ns()
    waiting = [
        threading.Thread(target=timetable.wait_for, args=(hang(at="200ms"),)) for _ in range(3)
    ]
    for one in waiting:
        one.start()
    for one in waiting:
        one.join()
    assert now_ns() - begun_ns < 400_000_000


def test_a_fault_whose_time_has_passed_comes_at_once_and_says_so():
    timetable = Timetable()
    timetable.begin()
    timetable.wait_for(hang(at="300ms"))
    late_s = timetable.wait_for(hang(at="10ms"))

    assert late_s >= 0.29
    assert lateness(hang(at="10ms"), late_s).startswith("hang was due 10ms into the method")
    assert not lateness(hang(at="10ms"), 0.01)


def test_for_is_another_name_of_duration_and_only_one_is_given():
    assert hang(**{"for": "2s"}).duration_s == 2
    assert hang(duration="3s").duration_s == 3
    with pytest.raises(FaultRefused, match="duration: it says the same as `for`"):
        hang(**{"for": "2s", "duration": "3s"})


@pytest.mark.parametrize("argument", ["at", "for", "duration"])
def test_a_time_without_a_unit_is_refused_by_name(argument):
    with pytest.raises(FaultRefused, match=f"{argument}: "):
        hang(**{argument: "5"})
