"""Counting instances from events, from looks and from an endpoint."""

import pytest

from chaoskit.model.target import Strength
from chaoskit.target.polling import Polled
from chaoskit.target.strength import InstanceState
from chaoskit.target.tracker import Happening, Tracker

WEB = Strength(service="web", instances=2)


def web(number, **changes):
    name = f"web-{number}"
    return InstanceState(**{"id": name, "service": "web", "name": name, "running": True} | changes)


def event(action, number=1, at_ns=100):
    name = f"web-{number}"
    return Happening(at_ns=at_ns, action=action, id=name, service="web", instance=name)


def polled(at_ns, *, asked_ns=None):
    asked_ns = at_ns - 1 if asked_ns is None else asked_ns
    return Polled(body="", asked_ns=asked_ns, at_ns=at_ns, resolution_ns=10, silent_ns=0)


class Counting:
    def __init__(self, *states, checked=False):
        self.marks = []
        self.tracker = Tracker((WEB,), self.marks.append, lambda _id: checked)
        self.tracker.begin(states or (web(1), web(2)), 0)

    @property
    def told(self):
        return [(one.at_ns, one.data["have"], one.data["by"]) for one in self.marks]

    @property
    def have(self):
        return self.tracker.strengths()["web"][0]


def test_the_beginning_is_told_once():
    assert Counting().told == [(0, 2, "engine")]


def test_a_crash_and_a_start_are_told_at_the_times_of_the_events():
    counting = Counting()
    counting.tracker.hear(event("die", at_ns=100))
    counting.tracker.hear(event("start", at_ns=400))

    assert counting.told[1:] == [(100, 1, "engine"), (400, 2, "engine")]


def test_an_instance_with_a_health_check_counts_when_it_is_healthy():
    counting = Counting(web(1, health="healthy"), web(2, health="healthy"))
    counting.tracker.hear(event("die", at_ns=100))
    counting.tracker.hear(event("start", at_ns=200))
    counting.tracker.hear(event("health_status: healthy", at_ns=300))
    counting.tracker.hear(event("health_status: unhealthy", 2, at_ns=400))

    assert [have for _, have, _ in counting.told] == [2, 1, 2, 1]


def test_a_replacement_with_a_health_check_starts_out_not_counted():
    counting = Counting(checked=True)
    counting.tracker.hear(event("destroy", 1, at_ns=100))
    counting.tracker.hear(event("start", 3, at_ns=200))
    assert counting.have == 1

    counting.tracker.hear(event("health_status: healthy", 3, at_ns=300))
    assert counting.have == 2


@pytest.mark.parametrize(("off", "on"), [("pause", "unpause"), ("die", "start")])
def test_what_goes_comes_back(off, on):
    counting = Counting()
    counting.tracker.hear(event(off))
    assert counting.have == 1

    counting.tracker.hear(event(on))
    assert counting.have == 2


@pytest.mark.parametrize("action", ["kill", "oom", "restart", "connect"])
def test_events_that_change_no_state_change_no_count(action):
    counting = Counting()
    counting.tracker.hear(event(action))

    assert len(counting.told) == 1


def test_a_look_that_differs_once_is_not_believed():
    counting = Counting()
    counting.tracker.look([web(1, running=False), web(2)], 500, 10)
    counting.tracker.look([web(1), web(2)], 1000, 10)

    assert len(counting.told) == 1


def test_a_look_that_differs_twice_is_believed_with_its_resolution():
    counting = Counting()
    for at_ns in (500, 1000):
        counting.tracker.look([web(1, running=False), web(2)], at_ns, 600)

    assert counting.told[1:] == [(1000, 1, "engine")]
    assert counting.marks[-1].resolution_ns == 600


def test_a_look_that_is_older_than_an_event_does_not_undo_it():
    counting = Counting()
    stale = [web(1, running=False), web(2)]
    counting.tracker.look(stale, 500, 10)
    counting.tracker.hear(event("start", at_ns=600))
    counting.tracker.look(stale, 1000, 10)

    assert counting.have == 2


def test_an_instance_that_vanished_without_a_word_is_found_out():
    counting = Counting()
    for at_ns in (500, 1000):
        counting.tracker.look([web(2)], at_ns, 10)

    assert counting.have == 1


def test_a_checked_instance_that_was_paused_counts_when_a_check_has_passed_again():
    counting = Counting(web(1, health="healthy"), web(2))
    counting.tracker.hear(event("pause"))
    for at_ns in (500, 1000):  # a paused instance's row does not tell its health
        counting.tracker.look([web(1, paused=True), web(2)], at_ns, 10)
    counting.tracker.hear(event("unpause"))
    assert counting.have == 1

    counting.tracker.hear(event("health_status: healthy"))
    assert counting.have == 2


def test_the_smaller_count_is_taken():
    counting = Counting()
    counting.tracker.count("web", 1, polled(100))
    counting.tracker.hear(event("die", 1, at_ns=150))
    counting.tracker.hear(event("die", 2, at_ns=200))

    assert counting.told[1:] == [(100, 1, "endpoint"), (200, 0, "engine")]


def test_an_endpoint_that_has_not_noticed_the_loss_cannot_confirm_the_return():
    counting = Counting()
    counting.tracker.count("web", 2, polled(50))
    counting.tracker.hear(event("die", at_ns=100))
    counting.tracker.hear(event("start", at_ns=400))
    assert counting.have == 1

    counting.tracker.count("web", 2, polled(410, asked_ns=390))
    assert counting.have == 1

    counting.tracker.count("web", 2, polled(510, asked_ns=500))
    assert counting.told[-1] == (510, 2, "endpoint")


def test_an_endpoint_that_is_silent_for_long_counts_nothing():
    counting = Counting()
    counting.tracker.count("web", 2, polled(100))
    counting.tracker.count("web", None, polled(700))
    counting.tracker.count("web", 2, polled(800))

    assert counting.told[1:] == [(700, 0, "silence"), (800, 2, "endpoint")]


def test_announcing_tells_the_strength_again():
    counting = Counting()
    counting.tracker.announce(900)

    assert counting.told == [(0, 2, "engine"), (900, 2, "engine")]
