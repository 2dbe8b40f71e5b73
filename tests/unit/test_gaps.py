"""Gaps of our own way to the target: what was under way in one is UNKNOWN, and nothing else is."""

from dataclasses import replace

import numpy as np
import pytest

from chaoskit.model.evidence import mark_line, read_timeline
from chaoskit.model.gaps import gaps_in, without_gaps
from chaoskit.model.marks import NS, Mark, MarkKind, sort_marks
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import no_samples
from chaoskit.model.verdict import Verdict
from chaoskit.target.kubernetes.forward.gaps import Gaps
from tests.drawing import MS, PERIOD_S, T0, draw
from tests.judging import experiment, judged, trial

PERIOD_NS = round(PERIOD_S * NS)


def gap(from_round, to_round):
    """From the middle before one round to the middle before another."""
    begin, end = (T0 + round((one - 0.5) * PERIOD_NS) for one in (from_round, to_round))
    return Mark(at_ns=end, kind=MarkKind.GAP, source="web_url", resolution_ns=end - begin)


def seen(drawing, *gaps):
    """The timeline of a drawing, as everybody who judges gets it."""
    timeline = draw(drawing)
    marks = sort_marks([*timeline.marks, *gaps])
    return replace(timeline, samples=without_gaps(timeline.samples, marks), marks=marks)


def outcomes(drawing, *gaps):
    signs = {Outcome.GOOD: ".", Outcome.BAD: "x", Outcome.UNKNOWN: "?"}
    return "".join(signs[Outcome(one)] for one in seen(drawing, *gaps).samples["outcome"])


@pytest.mark.parametrize(
    ("drawing", "gaps", "told"),
    [
        pytest.param("..xx..", [], "..xx..", id="none"),
        pytest.param("..xx..", [(2, 4)], "..??..", id="failures are not the service's"),
        pytest.param("......", [(2, 4)], "..??..", id="nor is what succeeded in it good news"),
        pytest.param("..xx..", [(3, 4)], "..x?..", id="and no more than that"),
        pytest.param("xxxxxx", [(0, 1), (4, 6)], "?xxx??", id="several"),
        pytest.param("xxxxxx", [(1, 3), (2, 4)], "x???xx", id="that overlap"),
        pytest.param("..xx..", [(7, 9)], "..xx..", id="after everything"),
        pytest.param("..xx..", [(-5, -3)], "..xx..", id="before everything"),
    ],
)  # fmt: skip
def test_what_was_under_way_in_a_gap_is_unknown(drawing, gaps, told):
    assert outcomes(drawing, *(gap(*one) for one in gaps)) == told


def test_an_ask_that_only_touches_a_gap_is_hit_on_either_side():
    """Refused asks take a millisecond: the gap ends when they begin, or begins when they end."""
    sample = draw("x").samples[0]
    for begin, end in ((0, sample["sent"]), (sample["done"], sample["done"] + NS)):
        mark = Mark(at_ns=int(end), kind=MarkKind.GAP, resolution_ns=int(end - begin))
        (hit,) = without_gaps(draw("x").samples, [mark])
        assert (hit["outcome"], hit["reason"]) == (Outcome.UNKNOWN, Reason.GAP)
    beside = Mark(at_ns=int(sample["sent"]) - 1, kind=MarkKind.GAP, resolution_ns=MS)
    assert without_gaps(draw("x").samples, [beside])["outcome"] == [Outcome.BAD]


def test_who_was_late_stays_late_and_the_samples_as_taken_stay_as_they_are():
    samples = draw("?x.").samples
    before = samples.copy()
    told = without_gaps(samples, [gap(0, 3)])

    assert list(told["reason"]) == [Reason.LATE, Reason.GAP, Reason.GAP]
    assert np.array_equal(samples, before)
    assert without_gaps(samples, [gap(9, 10)]) is samples
    assert len(without_gaps(no_samples(), [gap(0, 3)])) == 0


def test_gaps_that_touch_are_one_and_other_marks_are_none():
    marks = [gap(2, 4), gap(1, 2), gap(6, 7), *draw("..!x").marks]

    assert [round((end - begin) / PERIOD_NS) for begin, end in gaps_in(marks)] == [3, 1]


def test_a_broken_way_is_no_outage_and_no_good_news_either():
    """Half a minute of failures of ours: not the system's, and the trial says nothing."""
    drawing = "." * 30 + "!" + "x" * 30 + "." * 30
    said = judged(seen(drawing, gap(30, 60)))
    outage = next(one for one in said.measures if one.measure == "outage")

    assert said.verdict is Verdict.OBSERVER_LATE
    assert "the port-forward broke" in said.reason
    assert outage.low == 0
    assert judged(draw(drawing)).verdict is Verdict.TOO_SLOW


def test_a_real_outage_beside_a_short_gap_is_still_one():
    """The gap costs the outage its sharp end, and nothing of what was seen."""
    drawing = "." * 300 + "!" + "x" * 30 + "." * 300
    said = judged(seen(drawing, gap(300, 302)))
    outage = next(one for one in said.measures if one.measure == "outage")

    assert said.verdict is Verdict.TOO_SLOW
    assert outage.low >= 2.6
    assert outage.high >= 3.0


def test_the_judgement_from_disk_knows_the_gaps(tmp_path):
    timeline = draw("..xx..")
    (tmp_path / "samples.bin").write_bytes(timeline.samples.tobytes())
    (tmp_path / "marks.jsonl").write_text("".join(map(mark_line, [*timeline.marks, gap(2, 3)])))
    read = read_timeline(tmp_path, experiment(), trial(probes=("page",)))

    assert [int(one) for one in read.samples["outcome"]] == [1, 1, 3, 2, 1, 1]
    assert read.of(MarkKind.GAP) == (gap(2, 3),)


class Told:
    def __init__(self):
        self.pieces = []
        self.gaps = Gaps(lambda *piece: self.pieces.append(piece))


def test_failures_with_nothing_between_are_one_gap():
    one = Told()
    one.gaps.broken(10, 20, "first")
    one.gaps.broken(30, 40, "second")
    one.gaps.flush()

    assert one.pieces == [(10, 40, "first")]


def test_what_was_told_is_gone_on_with_and_not_told_again():
    one = Told()
    one.gaps.broken(10, 20, "first")
    one.gaps.flush()
    one.gaps.broken(30, 40, "second")
    one.gaps.flush()
    one.gaps.flush()

    assert one.pieces == [(10, 20, "first"), (20, 40, "second")]


def test_what_went_through_in_between_is_in_no_gap():
    one = Told()
    one.gaps.broken(10, 20, "first")
    one.gaps.carried()
    one.gaps.broken(30, 40, "second")
    one.gaps.flush()

    assert one.pieces == [(10, 20, "first"), (30, 40, "second")]


def test_failures_that_are_far_apart_are_two_gaps():
    one = Told()
    one.gaps.broken(10, 20, "first")
    one.gaps.broken(5 * NS, 6 * NS, "second")
    one.gaps.flush()

    assert one.pieces == [(10, 20, "first"), (5 * NS, 6 * NS, "second")]
