"""The agent's loop, with real pipes: orders, leases, and what happens when nobody is there."""

import json
import os
import threading
import time

import pytest

from chaoskit.agent.kind import Effect, Gone, Kind, Refused
from chaoskit.agent.service import Service


class Lamp:
    """A kind that behaves: on, off, and stubborn for as many undos as it is told."""

    def __init__(self):
        self.on = set()
        self.stubborn = 0
        self.missing = ""

    def apply(self, params):
        self.on.add(params["lamp"])
        now = time.monotonic_ns()
        return Effect(requested_ns=now, in_effect_ns=now, evidence="it shines")

    def check(self, params):
        time.sleep(params.get("slow_s", 0))  # a proof on real traffic takes its time
        return params["lamp"] in self.on, "looked"

    def undo(self, params):
        if self.stubborn:
            self.stubborn -= 1
            message = "the switch is stuck"
            raise Refused(message)
        self.on.discard(params["lamp"])
        return Gone(gone_ns=time.monotonic_ns(), evidence="dark")

    def kind(self):
        return Kind(
            apply=self.apply,
            check=self.check,
            undo=self.undo,
            missing=lambda: self.missing,
            survey=lambda params: {"watts": 40},
        )


class Room:
    """A running service, and our ends of its pipes."""

    def __init__(self):
        self.lamp = Lamp()
        read_fd, self._in = os.pipe()
        out, write_fd = os.pipe()
        self._out = os.fdopen(out)
        self._ends = [read_fd, write_fd]
        service = Service(read_fd=read_fd, write_fd=write_fd, kinds={"lamp": self.lamp.kind()})
        self.result = None
        self.thread = threading.Thread(target=lambda: setattr(self, "result", service.run()))
        self.thread.start()
        self._number = 0

    def send(self, text):
        os.write(self._in, text.encode())

    def order(self, do, **fields):
        self._number += 1
        self.send(json.dumps({"id": self._number, "do": do, **fields}) + "\n")
        return self._number

    def hear(self):
        return json.loads(self._out.readline())

    def ask(self, do, **fields):
        number = self.order(do, **fields)
        reply = self.hear()
        assert reply["id"] == number
        return reply

    def hold(self, lease_s, lamp="a"):
        return self.ask(
            "apply", fault=f"f-{lamp}", kind="lamp", params={"lamp": lamp}, lease_s=lease_s
        )

    def hang_up(self):
        if self._in is not None:
            os.close(self._in)
            self._in = None

    def close(self):
        self.hang_up()
        self.thread.join(10)
        assert not self.thread.is_alive()
        self._out.close()
        for end in self._ends:
            os.close(end)


@pytest.fixture
def room():
    room = Room()
    yield room
    room.close()


def test_a_fault_is_applied_checked_and_undone(room):
    assert room.hold(5)["evidence"] == "it shines"
    assert room.ask("check", kind="lamp", params={"lamp": "a"})["in_effect"]
    assert room.ask("undo", fault="f-a", kind="lamp", params={"lamp": "a"})["evidence"] == "dark"
    assert not room.ask("check", kind="lamp", params={"lamp": "a"})["in_effect"]


def test_undo_needs_nothing_but_kind_and_parameters(room):
    room.lamp.on.add("somebody-elses")
    reply = room.ask("undo", kind="lamp", params={"lamp": "somebody-elses"})

    assert reply["ok"]
    assert room.lamp.on == set()


def test_a_lease_that_nobody_renews_lapses_and_says_so(room):
    room.hold(0.05)
    news = room.hear()

    assert (news["event"], news["fault"], news["evidence"]) == ("lapsed", "f-a", "dark")
    assert room.lamp.on == set()


def test_a_renewed_lease_goes_on(room):
    begun = time.monotonic()
    room.hold(0.3)
    while time.monotonic() - begun < 0.9:
        assert room.ask("renew")["held"] == ["f-a"]

    assert room.lamp.on == {"a"}


def test_a_struck_fault_has_no_lease(room):
    room.hold(None)

    assert room.ask("renew")["held"] == []


def test_a_closed_pipe_lifts_everything(room):
    room.hold(60, "a")
    room.hold(60, "b")
    room.hang_up()
    room.thread.join(10)

    assert room.result is True
    assert room.lamp.on == set()


def test_bye_lifts_everything_and_leaves(room):
    room.hold(60)
    room.order("bye")
    news = [room.hear(), room.hear()]
    room.thread.join(10)

    assert [one.get("event") for one in news] == ["lapsed", None]
    assert news[1]["lifted"] is True
    assert not room.thread.is_alive()


def test_what_would_not_go_is_told_and_tried_again(room):
    room.lamp.stubborn = 1
    room.hold(0.02)

    assert room.hear() == {"event": "stuck", "fault": "f-a", "error": "the switch is stuck"}
    assert room.hear()["event"] == "lapsed"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "not an order"),
        ("[1]", "not an order"),
        ('{"id": 1, "do": "dance"}', "unknown order 'dance'"),
        ('{"id": 1, "do": "apply", "kind": "flood"}', "no kind 'flood'; there are lamp"),
        ('{"id": 1, "do": "apply", "kind": "lamp"}', "KeyError"),
    ],
)
def test_a_bad_order_is_answered_and_the_agent_goes_on(room, line, words):
    room.send(line + "\n")

    assert words in room.hear()["error"]
    assert room.ask("hello")["kinds"] == ["lamp"]
    answer = room.ask("can", kinds=["lamp", "piano"])
    assert answer["missing"] == {"lamp": "", "piano": "the agent knows no kind 'piano'"}


def test_orders_may_come_in_pieces_and_in_heaps(room):
    room.send('{"id": 1, "do"')
    room.send(': "renew"}\n{"id": 2, "do": "renew"}\n')

    assert [room.hear()["id"], room.hear()["id"]] == [1, 2]


def test_a_kind_that_this_machine_lacks_is_refused_before_anything_is_done(room):
    room.lamp.missing = "no electricity"

    assert room.ask("survey", kind="lamp", params={})["error"] == "no electricity"


def test_a_reader_that_hangs_cannot_keep_a_fault_alive(room):
    room.hold(0.5)
    for _ in range(3000):  # far more replies than the pipe holds, and nobody reads them
        room.order("renew")
    deadline = time.monotonic() + 10
    while room.lamp.on and time.monotonic() < deadline:
        time.sleep(0.01)

    assert room.lamp.on == set()


def test_the_time_of_a_long_proof_counts_for_no_lease(room):
    room.hold(0.3)
    looked = room.ask("check", kind="lamp", params={"lamp": "a", "slow_s": 0.6})

    assert looked["in_effect"]
    assert room.ask("renew")["held"] == ["f-a"]
    assert room.lamp.on == {"a"}
