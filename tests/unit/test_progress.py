"""What the supervisor is told while a trial is under way."""

from dataclasses import replace

import pytest

from chaoskit.measures.progress import (
    baseline_is_steady,
    settled,
    watch_is_over,
    why_unsettled,
)
from chaoskit.model.timeline import NS, MarkKind, Timeline
from tests.drawing import draw, end_of

# The answers of a drawing's last ask come 10 ms after it was due.


def until(drawing: str, **settings: float) -> tuple[Timeline, int]:
    timeline = draw(drawing + "/", **settings)
    return timeline, end_of(timeline) if len(timeline.samples) else 0


@pytest.mark.parametrize(
    ("drawing", "steady", "reason"),
    [
        pytest.param("." * 200, True, "200 of 200 asks were good", id="all good"),
        pytest.param("", False, "no ask has been answered yet", id="nothing yet"),
        pytest.param("???", False, "no ask has been answered yet", id="nothing known"),
        pytest.param("." * 99 + "x" + "." * 100, True, "199 of 200 asks were good", id="0.5 % bad"),
        pytest.param("xx." + "." * 100, False, "2 of 103 asks were bad", id="2 % bad"),
        pytest.param("." * 197 + "x..", False, "1 of the asks of the last", id="bad just now"),
        pytest.param("??" + "." * 100, False, "2 of 102 asks are unknown", id="2 % unknown"),
        pytest.param("?" + "." * 199, True, "199 of 199 asks were good", id="0.5 % unknown"),
        pytest.param("." * 150 + "!xxxxx", True, "150 of 150", id="the fault ends the baseline"),
        pytest.param("." * 150 + "t!xxxxx", True, "150 of 150", id="what it cut does not count"),
    ],
)
def test_a_baseline_is_steady(drawing: str, steady: bool, reason: str):
    found = baseline_is_steady(*until(drawing))

    assert found[0] is steady
    assert found[1].startswith(reason)


@pytest.mark.parametrize(
    ("drawing", "over"),
    [
        pytest.param("......", None, id="no fault yet"),
        pytest.param("......!xx....", "good for 300 ms", id="recovered and stable"),
        pytest.param("......!xx...", None, id="recovered, not yet stable"),
        pytest.param("......!xx....x..", None, id="bad again"),
        pytest.param("......!...........", None, id="nothing seen: watch on"),
        pytest.param("......!D....", "good for 300 ms", id="masked, and noticed"),
        pytest.param("......!...D..", None, id="noticed a moment ago"),
        pytest.param("......!<....", "good for 300 ms", id="a loss of strength is a sign too"),
        pytest.param("......!(....", None, id="to hear nothing is no sign"),
        pytest.param("......!xx.._.", None, id="an ask is in flight"),
        pytest.param("......!xx._._._._._.", None, id="every other ask is: a replica hangs"),
        pytest.param("......!xx..?..", "good for 300 ms", id="one unknown is no reason to wait"),
        pytest.param("......!xx.....!..", None, id="a second fault starts it again"),
        pytest.param("......!xx.....!x....", "good for 300 ms", id="and is watched like the first"),
        pytest.param("..D...!..........", None, id="noticed before the fault"),
    ],
)
def test_the_watch_is_over(drawing: str, over: str | None):
    assert watch_is_over(*until(drawing), wants_redundancy=False) == over


@pytest.mark.parametrize(
    ("drawing", "nature", "over"),
    [
        pytest.param("......!D....", "struck", "good for 300 ms", id="struck: it is over"),
        pytest.param("......!D..........", "held", None, id="held: harm may yet come"),
        pytest.param("......!D..^....", "held", "good for 300 ms", id="lifted meanwhile"),
        pytest.param("......!Dxx....", "held", "good for 300 ms", id="harm came, and is over"),
    ],
)
def test_harmless_so_far_is_not_harmless(drawing: str, nature: str, over: str | None):
    timeline, now_ns = until(drawing)
    marks = [replace(one, data={**one.data, "nature": nature}) for one in timeline.marks]
    timeline = replace(timeline, marks=tuple(marks))

    assert watch_is_over(timeline, now_ns, wants_redundancy=False) == over


@pytest.mark.parametrize(
    ("drawing", "over"),
    [
        pytest.param(">.....!<xx.......", None, id="good, but not at full strength"),
        pytest.param(">.....!<xx....>..", "good for 300 ms, at full strength", id="back"),
        pytest.param("......!xx.......", "good for 300 ms, at full strength", id="nobody counts"),
    ],
)
def test_the_watch_waits_for_strength_when_it_is_budgeted(drawing: str, over: str | None):
    assert watch_is_over(*until(drawing), wants_redundancy=True) == over


@pytest.mark.parametrize(
    ("drawing", "over"),
    [
        pytest.param("......!D.......", None, id="harm is not due yet"),
        pytest.param("......!D.........", None, id="nor has it been good for long since"),
        pytest.param("......!D..........", "good for 300 ms", id="harm was due, and none came"),
    ],
)
def test_a_fault_that_grows_is_watched_beyond_the_harm(drawing: str, over: str | None):
    timeline, now_ns = until(drawing)
    assert timeline.in_effect_ns is not None
    due = {"harm_due_ns": timeline.in_effect_ns + 6 * NS // 10}
    marks = [
        replace(one, data=due) if one.kind is MarkKind.IN_EFFECT else one for one in timeline.marks
    ]
    timeline = replace(timeline, marks=tuple(marks))

    assert watch_is_over(timeline, now_ns, wants_redundancy=False) == over


def test_the_watch_ends_when_its_time_is_up():
    timeline, _ = until("......!xxxxxx", watch_s=1.0)
    effect = timeline.in_effect_ns
    assert effect is not None

    assert watch_is_over(timeline, effect + NS - 1, wants_redundancy=False) is None
    assert watch_is_over(timeline, effect + NS, wants_redundancy=False) == "time is up after 1 s"


def test_a_prober_that_fell_silent_is_never_good_news():
    timeline, now = until("......!xx......")

    assert watch_is_over(timeline, now, wants_redundancy=False)
    assert not watch_is_over(timeline, now + 2 * NS, wants_redundancy=False)
    assert not settled(timeline, now + 2 * NS)


@pytest.mark.parametrize(
    ("drawing", "why"),
    [
        pytest.param("........", "", id="good for long enough"),
        pytest.param("....x...", "not good for 300 ms without a break", id="bad just now"),
        pytest.param("...", "not good for 300 ms without a break", id="too short a time"),
        pytest.param("x?......", "", id="bad once upon a time"),
        pytest.param("<.........", "not at full strength: web 2 of 3", id="weak"),
        pytest.param("<...>.....", "", id="strong again"),
    ],
)
def test_settled(drawing: str, why: str):
    assert why_unsettled(*until(drawing)) == why
    assert settled(*until(drawing)) is (why == "")


def test_it_does_not_matter_in_which_order_samples_were_completed():
    timeline, now = until("......!xxt......")
    shuffled = timeline.samples[timeline.samples["done"].argsort()]
    other = Timeline(**{**vars(timeline), "samples": shuffled})

    assert watch_is_over(other, now, wants_redundancy=False) == "good for 300 ms"
