"""Each verdict of one trial: reached by the evidence, and not reached by its near miss."""

from dataclasses import replace

import pytest

from chaoskit.model.timeline import NS, MarkKind, sort_marks
from chaoskit.model.verdict import Verdict
from tests.drawing import draw
from tests.judging import budgets, judged, toolkit, trial

V = Verdict
GOOD = "." * 200  # a baseline in which nothing happened


@pytest.mark.parametrize(
    ("drawing", "bounds", "verdict"),
    [
        pytest.param("!Dxx......|", {"recovery": 1}, V.HEALED, id="healed"),
        pytest.param("!Dxxxxxxxxx......|", {"recovery": 1}, V.HEALED, id="healed just in time"),
        pytest.param("!Dxxxxxxxxxx......|", {"recovery": 1}, V.TOO_SLOW, id="one round too slow"),
        pytest.param("!xx......|", {"recovery": 0.2}, V.TOO_SLOW, id="the upper end is too slow"),
        pytest.param("!xxxxx|", {"recovery": 9}, V.NOT_HEALED, id="never recovered"),
        pytest.param("!xxx..|", {"recovery": 9}, V.NOT_HEALED, id="good, but not stable"),
        pytest.param("!xxx...|", {"recovery": 9}, V.HEALED, id="stable"),
        pytest.param("!xxx^.....", {"recovery": 9}, V.NOT_HEALED, id="good only after the lift"),
        pytest.param("!xxx...^....", {"recovery": 9}, V.HEALED, id="good before the lift"),
        pytest.param("!DK......|", {"recovery": 1}, V.MASKED, id="masked, noticed by a healer"),
        pytest.param("!K......|", {"recovery": 1}, V.MASKED, id="masked, the engine saw it"),
        pytest.param("!......|", {"recovery": 1}, V.MASKED, id="masked, nobody noticed the proven"),
        pytest.param("~......|", {"recovery": 1}, V.FAULT_NOT_APPLIED, id="unproven and unnoticed"),
        pytest.param("~K......|", {"recovery": 1}, V.MASKED, id="unproven, but it was seen"),
        pytest.param("~<.....|", {"recovery": 1}, V.MASKED, id="unproven, an instance was lost"),
        pytest.param("~(.....|", {"recovery": 1}, V.FAULT_NOT_APPLIED, id="unproven, unheard"),
        pytest.param("!x.(..).|", {"recovery": 1}, V.HEALED, id="unheard, and nobody asks"),
        pytest.param(">!(..)...|", {"redundancy": 9}, V.OBSERVER_LATE, id="unheard, and back"),
        pytest.param(">!<.(..|", {"redundancy": 0.1}, V.OBSERVER_LATE, id="unheard to the end"),
        pytest.param(">!.(..).|", {"redundancy": 0.1}, V.OBSERVER_LATE, id="unheard, maybe lost"),
        pytest.param(">(.!.).<.>...|", {"redundancy": 9}, V.OBSERVER_LATE, id="unheard at first"),
        pytest.param(">(.)..!.<.>...|", {"redundancy": 9}, V.MASKED, id="unheard before"),
        pytest.param("!x.(..).|", {"detection": 9}, V.OBSERVER_LATE, id="who noticed is unheard"),
        pytest.param("~x......|", {"recovery": 1}, V.HEALED, id="unproven, but users were hit"),
        pytest.param("oA.!......|", {"recovery": 1}, V.PREVENTED, id="acted before the effect"),
        pytest.param("!A......|.", {"recovery": 1}, V.MASKED, id="acted after it"),
        pytest.param("oA.!x......|", {"recovery": 1}, V.HEALED, id="acted before, users were hit"),
        pytest.param("!Dxx......|", {"availability": 0.99}, V.HEALED, id="available enough"),
        pytest.param("!Dxxxx.....|", {"availability": 0.99}, V.OVER_BUDGET, id="one ask too many"),
        pytest.param("!..Dxx.....|", {"detection": 0.2}, V.HEALED, id="noticed in time"),
        pytest.param("!...Dxx....|", {"detection": 0.2}, V.OVER_BUDGET, id="noticed too late"),
        pytest.param("!......|", {"detection": 0.2}, V.OVER_BUDGET, id="never noticed"),
        pytest.param(">!<..>....|", {"redundancy": 0.2}, V.MASKED, id="strength back in time"),
        pytest.param(">!<...>...|", {"redundancy": 0.2}, V.OVER_BUDGET, id="strength too late"),
        pytest.param(">!<..^.>..", {"redundancy": 9}, V.OVER_BUDGET, id="strength after the lift"),
        pytest.param("!xx......|", {"redundancy": 9}, V.OBSERVER_LATE, id="nobody counts strength"),
        pytest.param(
            "<.!xx......|", {"redundancy": 9}, V.OBSERVER_LATE, id="weak before the fault"
        ),
        pytest.param("!xx......|", {"lost_writes": 0}, V.OBSERVER_LATE, id="unknown measure"),
        pytest.param("!xx......|", {}, V.HARNESS_ERROR, id="no budgets, no pass"),
        pytest.param("!xxxxxx|", {}, V.NOT_HEALED, id="no budgets, but evidence"),
        pytest.param("!xx......|", {"recovery": 0.1, "outage": 0.1}, V.TOO_SLOW, id="slow first"),
        pytest.param(".....|", {"recovery": 1}, V.FAULT_NOT_APPLIED, id="no fault"),
        pytest.param("!xx......./", {"recovery": 1}, V.INTERRUPTED, id="died in the watch"),
    ],
)
def test_what_the_evidence_says(drawing: str, bounds: dict[str, float], verdict: Verdict):
    found = judged(GOOD + drawing, budgets=budgets(**bounds))

    assert found.verdict is verdict
    assert found.reason


@pytest.mark.parametrize(
    ("drawing", "verdict"),
    [
        pytest.param("", V.OBSERVER_LATE, id="no samples"),
        pytest.param("." * 96 + "xx" + "...." + "!xx......|", V.BASELINE_NOT_MET, id="2 % bad"),
        pytest.param("." * 199 + "x" + "!xx......|", V.BASELINE_NOT_MET, id="bad just before"),
        pytest.param("." * 150 + "x" + "." * 49 + "!xx......|", V.HEALED, id="0.5 % bad"),
        pytest.param("." * 199 + "t" + "!xx......|", V.HEALED, id="in flight when it struck"),
        pytest.param("?" * 4 + "." * 200 + "!xx......|", V.OBSERVER_LATE, id="1.9 % unknown"),
        pytest.param("?" * 2 + "." * 200 + "!xx......|", V.HEALED, id="1 % unknown"),
        pytest.param("." * 200 + "!xx....____...|", V.OBSERVER_LATE, id="not asked at all"),
        pytest.param("." * 200 + "!xx......L", V.FAULT_NOT_APPLIED, id="the lease ran out"),
        pytest.param("." * 200 + "!xx......|????????", V.HEALED, id="unknown after the watch"),
    ],
)
def test_a_trial_that_tells_nothing_is_void_whatever_it_shows(drawing: str, verdict: Verdict):
    assert judged(drawing).verdict is verdict


@pytest.mark.parametrize(("lag_ms", "verdict"), [(40, V.HEALED), (60, V.OBSERVER_LATE)])
def test_a_send_lag_above_half_a_period_voids_the_trial(lag_ms: int, verdict: Verdict):
    timeline = draw(GOOD + "!xx......|")
    timeline.samples["sent"][:4] += lag_ms * 1_000_000

    assert judged(timeline).verdict is verdict


@pytest.mark.parametrize(
    ("fields", "verdict", "says"),
    [
        pytest.param(
            {"trouble_verdict": V.LIFT_FAILED, "trouble": "rule left in web-1"},
            V.LIFT_FAILED,
            "rule left in web-1",
            id="left behind",
        ),
        pytest.param({"trouble": "torn"}, V.HARNESS_ERROR, "torn", id="trouble without a name"),
        pytest.param(
            {"chaostoolkit": toolkit(steady_before=False)},
            V.BASELINE_NOT_MET,
            "not met before",
            id="hypothesis unmet before",
        ),
        pytest.param(
            {"chaostoolkit": toolkit(steady_after=False)},
            V.NOT_HEALED,
            "not met after",
            id="hypothesis unmet after",
        ),
        pytest.param(
            {"chaostoolkit": toolkit(failed_activities=["kill: no such container"])},
            V.FAULT_NOT_APPLIED,
            "kill: no such container",
            id="failed action",
        ),
        pytest.param(
            {"chaostoolkit": toolkit(failed_rollbacks=["restart"])},
            V.FAULT_NOT_APPLIED,
            "a rollback failed: restart",
            id="failed rollback",
        ),
        pytest.param(
            {"chaostoolkit": toolkit(failed_controls=["a", "b", "c", "d", "e"])},
            V.FAULT_NOT_APPLIED,
            "a control failed: a; b; c; and 2 more",
            id="failed controls",
        ),
        pytest.param(
            {"chaostoolkit": toolkit(status="aborted")}, V.INTERRUPTED, "aborted", id="aborted"
        ),
        pytest.param({"chaostoolkit": {}}, V.HEALED, "recovered", id="nothing known of it"),
        pytest.param({}, V.HEALED, "recovered in 150 ms to 260 ms", id="nothing wrong"),
    ],
)
def test_what_went_wrong_around_the_evidence_decides(fields, verdict: Verdict, says: str):
    found = judged(GOOD + "!xx......|", trial(**fields))

    assert found.verdict is verdict
    assert says in found.reason


@pytest.mark.parametrize(
    ("drawing", "healed_by", "verdict"),
    [
        pytest.param("!DxxA.....|", ("proxy",), V.HEALED, id="the named one acted"),
        pytest.param("!DxxB.....|", ("proxy",), V.WRONG_HEALER, id="it noticed, another acted"),
        pytest.param("!Dxx.....|", ("proxy",), V.HEALED, id="it noticed, nobody acted"),
        pytest.param("!xxB.....|", ("proxy",), V.WRONG_HEALER, id="only another was seen"),
        pytest.param("!xx.....|", ("proxy",), V.WRONG_HEALER, id="nobody was seen"),
        pytest.param("!xx.(..)..|", ("proxy",), V.OBSERVER_LATE, id="nobody was heard"),
        pytest.param("!DxxA.(..)..|", ("proxy",), V.OBSERVER_LATE, id="heard, but not all"),
        pytest.param("!xxB.....|", ("proxy", "engine"), V.HEALED, id="one of two acted"),
        pytest.param("!xxB.....|", (), V.HEALED, id="none was named"),
        pytest.param("!B......|", ("proxy",), V.WRONG_HEALER, id="masked, by another"),
        pytest.param("!A......|", ("proxy",), V.MASKED, id="masked, by the named one"),
        pytest.param("A..!xx.....|", ("proxy",), V.WRONG_HEALER, id="acted before the fault"),
        pytest.param("!xx....|.A.", ("proxy",), V.WRONG_HEALER, id="acted after the watch"),
        pytest.param("!xxxx|B", ("proxy",), V.NOT_HEALED, id="not healed comes first"),
    ],
)
def test_healing_is_attributed(drawing: str, healed_by: tuple[str, ...], verdict: Verdict):
    assert judged(GOOD + drawing, healed_by=healed_by).verdict is verdict


def test_each_declared_healers_part_is_told_in_seconds_from_the_effect():
    acts = judged(GOOD + "!.DxA..U....|").acts

    assert [(one.healer, one.detected_s, one.acted_s, one.restored_s) for one in acts] == [
        ("proxy", pytest.approx(0.1), pytest.approx(0.2), pytest.approx(0.4)),
        ("engine", None, None, None),
    ]


def test_the_same_evidence_gives_the_same_judgement():
    assert judged(GOOD + "!DxxA<...>....|") == judged(GOOD + "!DxxA<...>....|")


def growing(drawing: str, *, due: int | None, stated: bool = False):
    """The drawing with a fault that was due to do harm so many rounds after its effect."""
    timeline = draw(GOOD + drawing)
    assert timeline.in_effect_ns is not None
    data = {} if due is None else {"harm_due_ns": timeline.in_effect_ns + due * NS // 10}
    data |= {"harm_stated": True} if stated else {}
    marks = [
        replace(one, data=data)
        if one.kind is MarkKind.IN_EFFECT
        else replace(one, detail="kill")
        if one.detail == "die"
        else one
        for one in timeline.marks
    ]
    return replace(timeline, marks=tuple(marks))


@pytest.mark.parametrize(
    ("drawing", "due", "verdict"),
    [
        pytest.param("!..DA.K......|", 8, V.PREVENTED, id="ended in time"),
        pytest.param("!..DA.K......|", None, V.MASKED, id="a fault that does not grow"),
        pytest.param("!..DA.K......|", 2, V.MASKED, id="ended when harm was done already"),
        pytest.param("!..DA.K......|", 20, V.MASKED, id="watched too short for any harm"),
        pytest.param("!..DA........|", 8, V.MASKED, id="acted, and the leak goes on"),
        pytest.param("!..D.K.A.....|", 8, V.MASKED, id="ended by somebody else"),
        pytest.param("!..DA.Kx.....|", 8, V.HEALED, id="users were hit"),
    ],
)
def test_a_fault_that_grows_is_prevented_before_harm_is_due(drawing: str, due, verdict: Verdict):
    found = judged(growing(drawing, due=due))

    assert found.verdict is verdict
    if verdict is V.PREVENTED:
        assert found.reason == "proxy acted 500 ms before harm was due"


@pytest.mark.parametrize(
    ("drawing", "due", "healed_by", "verdict"),
    [
        pytest.param("!..DA........|", 8, ("proxy",), V.PREVENTED, id="acted in time"),
        pytest.param("!..D.......A.|", 8, ("proxy",), V.MASKED, id="acted when harm was done"),
        pytest.param("!..D.........|", 8, ("proxy",), V.MASKED, id="only noticed"),
        pytest.param("A..!..D......|", 8, ("proxy",), V.MASKED, id="acted before the change"),
        pytest.param("!..DA........|", 20, ("proxy",), V.FAULT_NOT_APPLIED, id="watched too short"),
        pytest.param("!..D.x.......|", 20, ("proxy",), V.HEALED, id="hurt before it was due"),
        pytest.param("!..DA........|", 8, (), V.MASKED, id="nobody is named"),
        pytest.param("!..DA.x......|", 8, ("proxy",), V.HEALED, id="users were hit"),
        pytest.param("!..B.........|", 8, ("proxy",), V.WRONG_HEALER, id="another one acted"),
    ],
)
def test_harm_that_is_stated_is_prevented_by_whoever_is_named(drawing, due, healed_by, verdict):
    found = judged(growing(drawing, due=due, stated=True), healed_by=healed_by)

    assert found.verdict is verdict
    if verdict is V.PREVENTED:
        assert found.reason == "proxy acted 600 ms before harm was due"


def test_every_instance_of_a_fault_that_grows_must_be_ended_in_time():
    timeline = growing("!..DA.K......|", due=8)
    effect = next(one for one in timeline.marks if one.kind is MarkKind.IN_EFFECT)
    other = replace(effect, instance="web-2")

    found = judged(replace(timeline, marks=sort_marks([*timeline.marks, other])))

    assert found.verdict is V.MASKED
