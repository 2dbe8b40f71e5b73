"""Every measure, on timelines drawn as text (tests/drawing.py says how to read them)."""

import subprocess
import sys

import pytest

from chaoskit.measures.base import Measure, catalogue, keeps, measure_all
from chaoskit.measures.series import Series
from chaoskit.model.measures import Measured, Sense, Unit
from chaoskit.model.timeline import Timeline
from tests.drawing import draw


def measured(timeline: Timeline, name: str) -> Measured:
    return catalogue()[name].of(Series(timeline))


def interval(timeline: Timeline, name: str):
    """The interval in seconds, rounded, with what qualifies it."""
    one = measured(timeline, name)
    low = None if one.low is None else round(one.low, 3)
    high = None if one.high is None else round(one.high, 3)
    return low, high, "censored" * one.censored + "after lift" * one.after_lift


def test_every_measure_has_the_name_of_its_file():
    for name, measure in catalogue().items():
        assert type(measure).__module__ == f"chaoskit.measures.{name}"
        assert measure.name == name


def test_the_catalogue_is_known_without_numpy():
    code = (
        "import sys; from chaoskit.measures.base import catalogue; "
        "assert 'recovery' in catalogue(); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("measure", catalogue().values(), ids=catalogue())
@pytest.mark.parametrize(
    "drawing",
    [
        pytest.param("", id="nothing at all"),
        pytest.param("........", id="no fault"),
        pytest.param("!", id="a fault and no ask"),
        pytest.param("..!", id="no ask after the fault"),
        pytest.param("..!????", id="all unknown"),
        pytest.param("..!/", id="died in the watch"),
    ],
)
def test_a_measure_meets_evidence_that_shows_nothing(measure: Measure, drawing: str):
    one = measure.of(Series(draw(drawing)))

    assert not one.known or one.note
    assert one.measure == measure.name
    assert one.unit is measure.unit


# The mark lies half a round (0.05 s) before the ask that follows it.
@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("....!......|", (0, 0, ""), id="users saw nothing"),
        pytest.param("....!xx.....|", (0.15, 0.26, ""), id="between the last bad and first good"),
        pytest.param("....!xx.x....|", (0.35, 0.46, ""), id="flapping counts to the last failure"),
        pytest.param("....!xx......x.|..", (0.85, 0.96, ""), id="stability is judged to the end"),
        pytest.param("....!xx......x|", (0.9, None, "censored"), id="bad when the watch ended"),
        pytest.param("....!xxxxx|", (0.5, None, "censored"), id="never good"),
        pytest.param("....!xx..|", (0.4, None, "censored"), id="not good for long enough"),
        pytest.param("....!xx..|..", (0.15, 0.26, ""), id="struck: completed after the watch"),
        pytest.param("....!xx|....", (0.2, None, "censored"), id="good only after the watch"),
        pytest.param("....!xx?....|", (0.15, 0.36, ""), id="an unknown ask widens the interval"),
        pytest.param("....!x?x....|", (0.25, 0.36, ""), id="unknown between two bad ones"),
        pytest.param("....!xx.?.|", (0.15, 0.26, ""), id="unknown in the stretch is neutral"),
        pytest.param(
            "....!xx.??|", (0.5, None, "censored"), id="most of it unknown proves nothing"
        ),
        pytest.param("....!xx.__|", (0.5, None, "censored"), id="asks that are not there neither"),
        pytest.param("....!xx...^..", (0.15, 0.26, ""), id="held: recovered before the lift"),
        pytest.param("....!xx..^...", (0.15, 0.26, "after lift"), id="held: too late before it"),
        pytest.param("....!xxx^....", (0.25, 0.36, "after lift"), id="held: only after the lift"),
        pytest.param("....!xxx^xx...", (0.45, 0.56, "after lift"), id="held: some time after it"),
        pytest.param("....!xxx^xxxx", (0.3, None, "censored"), id="held: not even then"),
        pytest.param("....!xxxR....", (0.3, None, "censored"), id="replaced is not lifted"),
        pytest.param("....!xx...^xx...", (0.15, 0.26, ""), id="what the lift breaks is not told"),
        pytest.param("....t!xx....|", (0.15, 0.26, ""), id="in flight when it struck"),
        pytest.param("...t!.......|", (0, 0.06, ""), id="only those in flight were hit"),
        pytest.param("xx..!.......|", (0, 0, ""), id="bad before the fault is not its doing"),
        pytest.param("....!....t^....", (0, 0, ""), id="in flight when lifted: the lift cut it"),
    ],
)
def test_recovery(drawing: str, expected: tuple[float, float, str]):
    assert interval(draw(drawing), "recovery") == expected


def test_a_rollback_after_the_declared_watch_heals_nothing():
    timeline = draw("....!xxxxxxxxxxxx.....|", watch_s=1.0)

    assert interval(timeline, "recovery") == (1.0, None, "censored")


def test_recovery_says_how_often_it_went_bad_again():
    one = measured(draw("....!xx.x.x....|"), "recovery")

    assert one.note == "bad again 2 times before that"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(("....!xx.....|", "............"), (0.15, 0.26, ""), id="the first is hit"),
        pytest.param(("....!xx.....|", "....xxxx...."), (0.35, 0.46, ""), id="the last to return"),
        pytest.param(("....!.......|", "......x....."), (0.25, 0.36, ""), id="only the second"),
        pytest.param(
            ("....!.......|", "._._x_._._._"), (0, 0.26, ""), id="a slow probe keeps its answer"
        ),
    ],
)
def test_a_round_is_bad_when_any_probe_is_bad(rows: tuple[str, ...], expected: tuple):
    low, high, what = interval(draw(*rows), "recovery")

    assert (low, high, what) == pytest.approx(expected, abs=0.051)


@pytest.mark.parametrize(
    ("drawing", "name", "expected"),
    [
        pytest.param("....!..x..x..|", "impact", (0.15, 0.25, ""), id="impact"),
        pytest.param("....!.....|", "impact", (0.5, None, "censored"), id="no impact"),
        pytest.param("...t!.....|", "impact", (0, 0, ""), id="impact in flight"),
        pytest.param("....!xx.x...|", "first_good", (0.15, 0.26, ""), id="first good"),
        pytest.param("....!.....|", "first_good", (0, 0, ""), id="first good of nothing"),
        pytest.param("....!xxx|", "first_good", (0.3, None, "censored"), id="never good"),
        pytest.param("....!..D..A.|", "detection", (0.2, 0.2, ""), id="detection"),
        pytest.param("....oD!...|", "detection", (0, 0, ""), id="noticed before it was proven"),
        pytest.param("..D..!....|", "detection", (0.4, None, "censored"), id="noticed long before"),
        pytest.param("....!...|.D.", "detection", (0.3, None, "censored"), id="noticed too late"),
        pytest.param("....!xDxx....|", "repair", (0.15, 0.26, ""), id="repair"),
        pytest.param("....!xxxxD...|", "repair", (0, 0.06, ""), id="repaired as it was noticed"),
        pytest.param("....!xx....D.|", "repair", (0, 0.26, ""), id="repaired, never noticed"),
        pytest.param("....!..D....|", "repair", (0, 0, ""), id="nothing to repair"),
        pytest.param("....!xDxxxx|", "repair", (0.4, None, "censored"), id="not repaired"),
        pytest.param(
            "....!xDxx^.......|", "repair", (0.15, 0.26, "after lift"), id="not repaired but lifted"
        ),
        pytest.param(">...!<..>...|", "redundancy", (0.2, 0.2, ""), id="full strength"),
        pytest.param(">...!<.>.<.>.|", "redundancy", (0.3, 0.3, ""), id="lost once more"),
        pytest.param(">...!...|", "redundancy", (0, 0, ""), id="never lost"),
        pytest.param(">...!<...|.>", "redundancy", (0.3, None, "censored"), id="back too late"),
        pytest.param(">...!<..^.>.", "redundancy", (0.3, 0.3, "after lift"), id="after the lift"),
        pytest.param("....!...|", "redundancy", (None, None, ""), id="nobody counts"),
        pytest.param(
            ">...!<.(.).|", "redundancy", (None, None, ""), id="for a while nobody counts"
        ),
        pytest.param(">.(.).!<.>.|", "redundancy", (0.1, 0.1, ""), id="nobody counted before"),
        pytest.param(">...!<.>.|.(.)", "redundancy", (0.1, 0.1, ""), id="nor afterwards"),
        pytest.param("<...!...|", "redundancy", (None, None, ""), id="weak before and after"),
        pytest.param("<...!.>.|", "redundancy", (None, None, ""), id="weak before, whole later"),
        pytest.param("<...!<.>.|", "redundancy", (0.1, 0.1, ""), id="weak before, lost more"),
        pytest.param("<...!<...|", "redundancy", (0.3, None, "censored"), id="and never whole"),
        pytest.param("<.>.!.<.>.|", "redundancy", (0.2, 0.2, ""), id="whole just before"),
        pytest.param("....!xx.....|", "outage", (0.1, 0.3, ""), id="outage of two rounds"),
        pytest.param("....!x..xx...|", "outage", (0.1, 0.5, ""), id="two outages"),
        pytest.param("....!....|", "outage", (0, 0, ""), id="no outage"),
        pytest.param("....!..?..|", "outage", (0, 0.1, ""), id="an unknown ask may be an outage"),
        pytest.param("....!..xxx|", "outage", (0.2, None, "censored"), id="outage not over"),
        pytest.param("....!x..xxx..|", "longest_outage", (0.2, 0.4, ""), id="longest outage"),
        pytest.param(
            "....!x..xx...|", "weighted_outage", (0.1, 0.5, ""), id="one probe weighs all"
        ),
        pytest.param(
            "....!..xxx|", "weighted_outage", (0.2, None, "censored"), id="weight not known"
        ),
        pytest.param("....!..?..|", "weighted_outage", (0, 0.1, ""), id="unknown may weigh"),
        pytest.param("....!.._..|", "weighted_outage", (0, 0.1, ""), id="missing may weigh"),
        pytest.param("....!xxxxx.....|", "availability", (0.983, 0.983, ""), id="ended stable"),
        pytest.param("....!..xx|", "availability", (0.5, 0.5, ""), id="ended bad: as observed"),
        pytest.param("....!....xxx?|", "availability", (0.5, 0.625, ""), id="unknown: an interval"),
        pytest.param("....!........|", "latency_p50", (0.01, 0.01, ""), id="median latency"),
        pytest.param("....!xx......|", "latency_p99", (0.01, 0.01, ""), id="refused is no latency"),
        pytest.param("....!t.......|", "latency_p99", (0.3, None, "censored"), id="timeouts count"),
        pytest.param("....!t.......|", "latency_p50", (0.01, 0.01, ""), id="but only as one"),
        pytest.param("....!rr......|", "latency_p99", (0.01, 0.01, ""), id="a wrong answer is one"),
    ],
)
def test_the_other_measures(drawing: str, name: str, expected: tuple):
    assert interval(draw(drawing), name) == expected


def test_a_witness_that_polls_makes_detection_an_interval():
    timeline = draw("....!..D..|")
    marks = [
        type(one)(**{**vars(one), "resolution_ns": 150_000_000 * (one.kind == "detected")})
        for one in timeline.marks
    ]
    one = measured(type(timeline)(**{**vars(timeline), "marks": tuple(marks)}), "detection")

    assert (round(one.low, 3), round(one.high, 3), one.resolution) == (0.05, 0.2, 0.075)
    assert one.note == "by proxy"


def test_a_probe_that_stayed_good_halves_the_weight_of_an_outage():
    drawn = draw("....!xxxx...|", "...........")

    assert interval(drawn, "outage") == (0.3, 0.5, "")
    assert interval(drawn, "weighted_outage") == (0.15, 0.25, "")


@pytest.mark.parametrize("outage_s", [0.4, 2.5, 10.3])
def test_the_outage_is_unbiased_and_inside_its_interval(outage_s: float):
    """Vectors of the resolution error, period 1 s: the mean of k·T is the truth."""
    middles, missed = [], 0
    for step in range(200):
        phase = step / 200
        asks = "".join("x" if phase <= k < phase + outage_s else "." for k in range(14))
        one = measured(draw("." + "!" + asks + "|", period_s=1.0, stable_s=1.0), "outage")

        assert one.low <= outage_s + 1e-9
        assert outage_s <= one.high + 1e-9 or not one.middle
        middles.append(one.middle)
        missed += one.middle == 0

    assert sum(middles) / len(middles) == pytest.approx(outage_s, abs=0.011)
    assert missed / 200 == pytest.approx(max(0.0, 1 - outage_s), abs=0.01)


# 60 s at 10 Hz, the service gone in [20, 32), good answers after 5 ms: the published vectors of
# coordinated omission. A loop that asks and then sleeps reports 99.3 % for the first.
GONE = "!" + "." * 200 + "t" * 120 + "." * 280 + "|"
MS = 1_000_000


def test_a_blackhole_is_seen_in_full():
    timeline = draw(GONE, timeout_s=5.0, watch_s=60.0)
    timeline.samples["done"][timeline.samples["outcome"] == 1] -= 5 * MS

    assert interval(timeline, "availability") == (0.8, 0.8, "")
    assert interval(timeline, "impact") == (19.95, 20.05, "")
    assert interval(timeline, "recovery") == (31.95, 32.055, "")
    assert interval(timeline, "outage") == (11.9, 12.1, "")
    assert interval(timeline, "latency_p50") == (0.005, 0.005, "")
    assert interval(timeline, "latency_p90") == (5.0, None, "censored")


def test_a_stopped_process_that_answers_late_is_seen_in_full():
    timeline = draw(GONE.replace("t", "."), timeout_s=30.0, watch_s=60.0)
    due, done = timeline.samples["due"], timeline.samples["done"]
    done[:] = due + 5 * MS
    resumed = int(due[320])
    done[200:320] = resumed + 5 * MS

    assert interval(timeline, "latency_p99") == (11.405, 11.405, "")
    assert interval(timeline, "latency_p50") == (0.005, 0.005, "")
    assert int(((done - due) > 1_000 * MS).sum()) == 111


def test_samples_in_order_of_completion_measure_the_same():
    timeline = draw("......!Dxxttxx.x......<..>.....|...")
    shuffled = timeline.samples[timeline.samples["done"].argsort()][::-1]
    other = type(timeline)(**{**vars(timeline), "samples": shuffled})

    assert measure_all(Series(other)) == measure_all(Series(timeline))


def test_a_slow_probe_that_counts_its_own_asks_is_laid_on_the_same_grid():
    timeline = draw("......!xx......|", "._._._xx._._._")
    samples = timeline.samples.copy()
    slow = samples["probe"] == 1
    samples["k"][slow] = range(int(slow.sum()))
    other = type(timeline)(**{**vars(timeline), "samples": samples})

    assert measure_all(Series(other)) == measure_all(Series(timeline))


@pytest.mark.parametrize(
    ("fields", "bound", "sense", "kept"),
    [
        pytest.param({"low": 1, "high": 2}, 2, Sense.AT_MOST, True, id="the upper end decides"),
        pytest.param({"low": 1, "high": 2.1}, 2, Sense.AT_MOST, False, id="and misses"),
        pytest.param({"low": 1}, 2, Sense.AT_MOST, None, id="no upper end"),
        pytest.param({}, 2, Sense.AT_LEAST, None, id="nothing measured"),
        pytest.param({"low": 1, "censored": True}, 2, Sense.AT_MOST, False, id="never ended"),
        pytest.param({"low": 3, "censored": True}, 2, Sense.AT_LEAST, True, id="long enough"),
        pytest.param(
            {"low": 1, "high": 1, "after_lift": True}, 2, Sense.AT_MOST, False, id="lifted"
        ),
        pytest.param({"low": 0.98, "high": 1}, 0.99, Sense.AT_LEAST, False, id="the lower end"),
        pytest.param({"low": 0.1 + 0.2, "high": 0.3}, 0.3, Sense.AT_LEAST, True, id="no dust"),
    ],
)
def test_a_budget_is_held_against_the_worse_end(fields, bound, sense, kept):
    one = Measured(measure="any", unit=Unit.SECONDS, **fields)

    assert keeps(one, bound, sense) is kept
