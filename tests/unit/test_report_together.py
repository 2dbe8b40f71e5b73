"""All trials together, the spread of recovery, three stretches, trends, and what there is room for."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.journal import TrialJudgement
from chaoskit.model.trend import Pace, Point, State, Trend
from chaoskit.model.verdict import Verdict
from chaoskit.pipeline import _rendered
from chaoskit.reporters import html
from chaoskit.reporters.charts import Words
from chaoskit.reporters.detail import detail_of
from chaoskit.reporters.experiment_view import Around
from chaoskit.reporters.logs import Excerpt, LogLine, excerpts, shortened
from chaoskit.reporters.overlay import curve_of, describe_overlay, draw_overlay
from chaoskit.reporters.page import page_of
from chaoskit.reporters.spread import draw_spread, spread_of
from chaoskit.reporters.stretches import HEADS, cut, stretch_rows
from chaoskit.reporters.summary_view import summary
from chaoskit.reporters.trend_view import trend_view
from chaoskit.run.folder import RunFolder
from tests.drawing import draw
from tests.samples_builder import (
    effect_of,
    healed_crash,
    log_stamp,
    masked_crash,
    over,
    run,
    seconds,
    too_slow,
    trial,
)

WORDS = Words(id="x", title="All trials", description="What is seen.")


def judged(*measures, verdict=Verdict.HEALED):
    return trial("t/e", 1, TrialJudgement(verdict=verdict, reason="so", measures=measures))


def curves_of(built):
    record, timelines = built
    found = [curve_of(timelines[one.index], one, kept=True) for one in record.trials]
    return [one for one in found if one]


def test_every_failed_ask_of_every_trial_is_in_the_drawing_of_all_trials():
    curves = curves_of(healed_crash())
    drawn = ET.fromstring(draw_overlay(curves, 2.0, WORDS))
    bad = [int(np.count_nonzero(one.outcome == 2)) for one in curves]

    assert [
        int(one.get("data-failed")) for one in drawn.iter("path") if one.get("data-failed")
    ] == bad
    assert f"{sum(bad):,} of" in describe_overlay(curves)
    texts = [one.text for one in drawn.iter("text")]
    assert "budget 2 s" in texts
    assert "trial 5" in texts


def test_a_curve_falls_at_the_fault_and_not_before_it():
    evidence = draw(".........." * 4 + "!" + "xxxx" + "...." * 5 + "|")
    curve = curve_of(evidence, judged(seconds("recovery", 0.4)), kept=True)
    drawn = str(draw_overlay([curve], None, WORDS))
    path = re.search(r'<path d="(M[^"]+)" class="s-curve"', drawn)[1]
    down = float(re.search(r"H([\d.]+)V130", path)[1])
    line = float(re.search(r'<line x1="([\d.]+)"[^>]*class="s-line-fault"', drawn)[1])

    assert down == pytest.approx(line, abs=0.2)


def test_without_a_fault_in_effect_there_is_nothing_to_lay_over():
    assert curve_of(draw("....."), judged(), kept=None) is None
    assert cut(draw("....."), judged()) is None
    assert draw_overlay([], 1.0, WORDS) == ""


def test_the_spread_says_what_so_few_trials_may_claim():
    record, _ = healed_crash()
    spread = spread_of(record)

    assert spread.bounds == (("median", pytest.approx(1.19)),)
    assert "With 95 % confidence the median is at most 1.19 s" in spread.words
    drawn = ET.fromstring(draw_spread(spread, WORDS))
    assert len(list(drawn.iter("circle"))) == 5
    few = spread_of(replace(record, trials=record.trials[:4]))
    assert few.bounds == ()
    assert "bound nothing" in few.words


def test_a_trial_that_was_not_seen_to_recover_bounds_nothing():
    record, _ = healed_crash()
    last = record.trials[-1]
    measures = (over("recovery", 30.0), *last.judgement.measures[3:])
    never = replace(last, judgement=replace(last.judgement, measures=measures))
    spread = spread_of(replace(record, trials=(*record.trials[:4], never)))

    assert spread.bounds == ()
    assert "1 not seen to recover" in spread.words


def test_nothing_felt_is_nothing_spread():
    assert spread_of(masked_crash()[0]) is None


def test_three_stretches_add_up_and_latencies_are_of_good_answers():
    evidence = draw(".........." + "!" + "xxxxx" + ".........." + "|")
    rows = stretch_rows([cut(evidence, judged(seconds("recovery", 0.5)))] * 2)
    table = [dict(zip(HEADS, row, strict=True)) for row in rows]

    assert [one[""] for one in table[:3]] == ["Before", "During", "After"]
    assert sum(int(one["Asked"]) for one in table[:3]) == 2 * len(evidence.samples)
    assert [one["Failed"] for one in table[:3]] == ["0", "10", "0"]
    assert table[0]["Median"] == "10 ms"
    assert table[3]["Share"].startswith("+")


def test_during_lasts_until_the_watch_ended_when_nothing_came_back():
    evidence = draw("....." + "!" + "xxxxxxxxxx" + "|" + "xx")
    rows = stretch_rows([cut(evidence, judged(over("recovery", 1.0), verdict=Verdict.NOT_HEALED))])

    assert [row[3] for row in rows[:3]] == ["0", "10", "2"]


def point(value, *, passed=True, verdict=Verdict.HEALED, **more):
    return Point(run="r", at="2026", verdict=verdict, passed=passed, value=value, **more)


def trend(*points, pace=Pace.USUAL, state=State.STABLE):
    return Trend(experiment="t/e", measure="recovery", state=state, points=points, pace=pace)


def test_a_trend_is_a_line_and_a_failed_run_a_cross():
    view = trend_view(trend(point(1.0), point(2.0, passed=False), point(1.1)), "e1")

    assert view.state == "stable"
    assert view.note == "3 runs"
    assert "s-cross" in view.drawing
    assert "The oldest first: 1 s, 2 s, 1.1 s. 1 run of 3 failed." in view.drawing


def test_a_run_that_could_not_tell_is_no_failed_run():
    untold = point(None, passed=False, verdict=Verdict.TOO_FEW_TRIALS)

    assert "0 runs of 2 failed" in trend_view(trend(untold, point(1.0)), "e1").drawing


def test_slower_than_usual_warns_and_one_run_is_no_trend():
    slow = trend_view(trend(point(1.0), point(3.0), pace=Pace.SLOWER), "e1")

    assert slow.warns
    assert slow.note == "slower than usual"
    assert trend_view(trend(point(1.0)), "e1").note == "no earlier run"
    assert trend_view(None, "e1").drawing == ""


def test_the_closest_budget_is_the_one_of_which_least_is_left():
    row = summary("e1", too_slow(), None)

    assert (row.margin, row.margin_of) == ("−290 ms", "Recovery")
    floor = summary("e1", healed_crash()[0], None)
    assert (floor.floor, floor.floor_of) == ("300 ms", "docker-restart")
    assert floor.efficiency == "75 % efficient"


def many(count):
    """A run with so many experiments, the last of them failed."""
    made = run()
    record, timelines = healed_crash()
    records = [replace(record, name=f"many/{i}") for i in range(count - 1)]
    records.append(replace(too_slow(), name=f"many/{count - 1}"))
    journal = replace(made.journal, experiments=tuple(records))
    return replace(
        made,
        journal=journal,
        timelines={
            (one.name, index): found for one in records for index, found in timelines.items()
        },
    )


def test_a_small_run_is_shown_in_every_detail():
    made = run()
    detail = detail_of(made.journal)

    assert all(detail.shows(one, trial) for one in made.journal.experiments for trial in one.trials)


def test_where_there_is_little_room_the_telling_trials_are_shown():
    made = many(4)
    detail = detail_of(made.journal, room=4 * 21_500 + 6 * 20_000)
    last = made.journal.experiments[-1]
    shown = {
        name: [index for one, index in detail.trials if one == name] for name in detail.telling
    }

    assert all(detail.telling[name] in indexes for name, indexes in shown.items())
    failed = {one.index for one in last.trials if one.judgement.verdict.against}
    assert set(shown[last.name]) == failed & set(shown[last.name])
    assert sum(map(len, shown.values())) == 6


def test_a_trial_that_is_left_out_keeps_its_row_and_its_failed_asks():
    made = many(3)
    detail = detail_of(made.journal, room=3 * 21_500)
    around = Around(anchor=made.journal.anchor, detail=detail, trends={})
    page = page_of(made.journal, made.timeline_of, around, (made.logs_of, ()))
    text = html.fill("report.html.j2", page=page)

    assert not detail.trials
    assert "-drawing-title" not in text
    assert text.count("data-failed") == 15
    assert "are on disk only: 1, 2, 3, 4, 5." in text
    assert 'href="#e1-t1"' not in text


def test_a_page_that_became_too_large_is_made_again_with_less(monkeypatch):
    made = many(3)
    whole = html.render(made.journal, made.timeline_of, made.logs_of)
    monkeypatch.setattr(html, "_LIMIT", len(whole) // 2)
    less = html.render(made.journal, made.timeline_of, made.logs_of)

    assert len(less) < len(whole)
    assert less.count('data-failed="') >= 15


NASTY = {
    "colours": "\x1b[31mred\x1b[0m",
    "nul": "a\x00b",
    "direction": "user\u202egnp.exe",
    "markup": "<script>alert(1)</script>",
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_a_nasty_line_of_a_log_is_shown_faithfully_and_safely(tmp_path, text):
    path = tmp_path / "lb.log"
    path.write_text(f"{log_stamp(effect_of(0, 1), 0.1)} {text}\n")
    report = html.render(*_with_log(path))

    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", report)
    assert "<script>alert" not in report
    for word in ("red", "gnp.exe", "a␀b", "alert(1)"):
        assert (word in report) or word not in text.replace("\x00", "␀")


def test_bytes_that_are_no_text_and_a_line_of_a_megabyte_do_not_hide_the_rest(tmp_path):
    path = tmp_path / "lb.log"
    at = log_stamp(effect_of(0, 1), 0.1).encode()
    path.write_bytes(
        at + b" \xff\xfe broken\n" + at + b" " + b"x" * 1_000_000 + b"\n" + at + b" last\n"
    )
    report = html.render(*_with_log(path))

    assert "\ufffd\ufffd broken" in report
    assert "more characters)" in report
    assert "  last\n" in report
    assert len(report) < 1_500_000


def _with_log(path):
    made = run(logs={"replicated-web": {"lb": path}})
    return made.journal, made.timeline_of, made.logs_of


def test_logs_are_shortened_to_the_lines_nearest_to_the_fault():
    lines = tuple(LogLine(at_s=at_s, text="x" * 60) for at_s in (-2.0, -0.1, 0.2, 2.5))
    short = shortened([Excerpt(service="lb", lines=lines, left_out=3)], 210)

    assert [one.at_s for one in short[0].lines] == [-0.1, 0.2]
    assert short[0].left_out == 5


def test_a_line_belongs_to_every_fault_that_it_is_near(tmp_path):
    path = tmp_path / "lb.log"
    path.write_text(f"{log_stamp(effect_of(0, 1), 1.0)} here\n")
    wall = run().journal.anchor.wall_ns + effect_of(0, 1) - run().journal.anchor.mono_ns
    found = excerpts("lb", path, [wall + 10**10, wall, wall + 2 * 10**9])

    assert [len(one.lines) for one in found] == [0, 1, 1]


def test_a_report_that_cannot_be_written_is_one_message_and_not_a_defect(tmp_path):
    (tmp_path / "report.html" / "in the way").mkdir(parents=True)

    with pytest.raises(EnvironmentUnfit, match=r"report.html cannot be written: Is a directory"):
        RunFolder(tmp_path).write("report.html", "<!doctype html>")


def test_a_verdict_is_not_lost_with_its_report(tmp_path):
    (tmp_path / "report.html" / "in the way").mkdir(parents=True)
    made = run()

    trouble = _rendered(replace(made.journal, experiments=()), RunFolder(tmp_path))

    assert len(trouble) == 1
    assert "report.html cannot be written" in trouble[0]
