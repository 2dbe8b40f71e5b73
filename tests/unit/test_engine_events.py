"""What recorded events of a real engine mean.

The recording: web-1 is killed from the host and restarted by policy; web-2 is restarted by hand;
web-1 is stopped and started by hand; web-2 is paused, unpaused, taken off its network and put
back, sent a SIGHUP and removed. Strangers live and die in between.
"""

import json
from pathlib import Path

import pytest

from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer, TargetSpec
from chaoskit.target.events import Reading
from chaoskit.target.strength import InstanceState

RECORDING = Path(__file__).parents[1] / "recordings" / "engine-events.jsonl"
EVENTS = [json.loads(line) for line in RECORDING.read_text().splitlines()]


def spec_with(*healers):
    return TargetSpec(
        name="t",
        folder=Path(),
        compose_file=Path(),
        title="T",
        entrypoints=(),
        healers=healers,
    )


def reading(*, healers=None, policy=True):
    healer = Healer(name="docker-restart", kind="docker-restart", engine=True)
    found = Reading(
        spec_with(*([healer] if healers is None else healers)),
        "recorded",
        lambda wall_ns: wall_ns - EVENTS[0]["timeNano"],
        lambda _id: policy,
    )
    for number in (1, 2):
        name = f"web-{number}"
        found.adopt(InstanceState(id=name, service="web", name=name, running=True))
    return found


def read(found, events=EVENTS):
    return [mark for event in events for mark in found.feed(event)[1]]


def of(marks, *kinds):
    return [(one.kind, one.instance) for one in marks if one.kind in kinds]


def test_a_crash_is_detected_at_die_and_acted_on_at_the_start_that_follows():
    marks = [one for one in read(reading()) if one.source == "docker-restart"]

    assert [(one.kind, one.instance) for one in marks] == [
        (MarkKind.DETECTED, "web-1"),
        (MarkKind.ACTED, "web-1"),
    ]
    assert marks[0].at_ns == 0
    assert 0.1e9 < marks[1].at_ns < 1.5e9


def test_what_was_done_by_hand_is_nobodys_healing():
    by_hand = EVENTS[4:]

    assert not of(read(reading(), by_hand), MarkKind.DETECTED, MarkKind.ACTED)


def test_without_a_restart_policy_the_engine_heals_nothing():
    marks = read(reading(policy=False))

    assert not of(marks, MarkKind.DETECTED, MarkKind.ACTED)
    assert marks[0].kind is MarkKind.ENGINE


def test_a_healer_of_other_services_bears_no_witness():
    healer = Healer(name="r", kind="docker-restart", engine=True, settings={"services": ["db"]})

    assert not of(read(reading(healers=[healer])), MarkKind.DETECTED)


def test_every_event_of_our_instances_is_told_once_and_of_no_stranger():
    details = [one.detail for one in read(reading()) if one.instance == "web-2"]

    assert details == [
        *("kill", "kill", "die", "stop", "start", "restart"),
        *("pause", "unpause", "disconnect", "connect", "kill", "kill", "die"),
    ]
    assert {one.instance for one in read(reading())} == {"web-1", "web-2"}


def test_the_engines_own_bookkeeping_of_networks_is_left_out():
    first_crash = read(reading(), EVENTS[:4])

    assert [one.detail for one in first_crash if one.kind is MarkKind.ENGINE] == ["die", "start"]


def test_a_stream_that_is_opened_again_repeats_nothing():
    found = reading()
    first = read(found, EVENTS[:12])
    second = read(found, EVENTS[8:])

    assert [*first, *second] == read(reading())


def test_an_instance_that_appears_later_is_known_by_its_labels():
    (happening, marks) = reading().feed(
        {
            "Type": "container",
            "Action": "start",
            "Actor": {
                "ID": "new",
                "Attributes": {
                    "com.docker.compose.project": "recorded",
                    "com.docker.compose.service": "web",
                    "com.docker.compose.container-number": "3",
                },
            },
            "timeNano": EVENTS[0]["timeNano"],
        }
    )

    assert happening is not None
    assert (happening.service, happening.instance) == ("web", "web-3")
    assert [one.detail for one in marks] == ["start"]


@pytest.mark.parametrize(("signal", "healed"), [("1", True), ("15", False), ("9", False)])
def test_a_signal_that_asks_nobody_to_end_does_not_excuse_a_crash(signal, healed):
    crash = EVENTS[0]
    asked = {
        **crash,
        "Action": "kill",
        "Actor": {**crash["Actor"], "Attributes": {"signal": signal}},
        "timeNano": crash["timeNano"] - 1,
    }

    assert bool(of(read(reading(), [asked, crash]), MarkKind.DETECTED)) is healed


def test_marks_carry_what_the_event_says():
    marks = read(reading())

    assert marks[0].data == {"exit_code": "137"}
    assert {"network": "recorded_default"} in [one.data for one in marks]
