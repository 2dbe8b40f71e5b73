"""Requests find their replies, from any thread, and nobody waits for a dead peer."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chaoskit.run.channel import Channel, ChannelClosed, Refused


def _answer(what, fields):
    if what == "fail":
        raise ValueError("no such thing")
    if what == "slow":
        fields_event.wait(5)
    return {"echo": fields}


fields_event = threading.Event()


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    left, right = Channel(ours, _answer), Channel(theirs, _answer)
    yield left, right
    left.close()
    right.close()


def test_a_reply_finds_the_one_who_asked(ends):
    left, _ = ends

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: left.ask("say", n=n)["echo"]["n"], range(200)))

    assert replies == list(range(200))


def test_both_sides_may_ask(ends):
    left, right = ends

    assert left.ask("say", a=1)["echo"] == {"a": 1}
    assert right.ask("say", b=2)["echo"] == {"b": 2}


def test_an_error_on_the_other_side_is_told_with_its_text(ends):
    with pytest.raises(Refused, match="ValueError: no such thing"):
        ends[0].ask("fail")


def test_a_slow_answer_blocks_nobody_else(ends):
    left, _ = ends
    fields_event.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(left.ask, "slow")

        assert left.ask("say", x=1)["echo"] == {"x": 1}

        fields_event.set()
        assert slow.result(5)


def test_whoever_waits_is_told_when_the_other_side_goes(ends):
    left, right = ends
    fields_event.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(left.ask, "slow")
        right.close()

        with pytest.raises(ChannelClosed):
            waiting.result(5)

    fields_event.set()
    with pytest.raises(ChannelClosed):
        left.ask("say")


def test_a_reply_that_does_not_come_in_time_is_an_error(ends):
    fields_event.clear()
    with pytest.raises(TimeoutError, match="slow"):
        ends[0].ask("slow", timeout_s=0.05)
    fields_event.set()
