"""From a ledger on disk to a verdict: what was lost, and what must never pass."""

import json
from dataclasses import replace

import pytest

from chaoskit.measures.base import catalogue, measure_all
from chaoskit.measures.series import Series
from chaoskit.model.ledger import Discipline, Fate, LedgerLog, Read, Write, read_ledger
from chaoskit.model.timeline import NS
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.ledgers import LEDGER_HEADS, ledger_rows, ledger_words
from tests.drawing import T0, draw
from tests.judging import budgets, experiment, judged, trial

V = Verdict

# The fault is in effect 0.95 s after T0; a write every 0.1 s.
DRAWING = "..........!xx......|"
STEP_NS = NS // 10
ALL = range(16)
BEFORE = range(10)


def log(*, info=(), fail=(), final=ALL, **fields):
    """Sixteen writes; whatever is not named otherwise was acknowledged at once."""

    def fate(value):
        return Fate.INFO if value in info else Fate.FAIL if value in fail else Fate.OK

    writes = tuple(
        Write(
            value=value,
            at_ns=T0 + value * STEP_NS,
            done_ns=T0 + value * STEP_NS + 1_000_000,
            fate=fate(value),
        )
        for value in ALL
    )
    read = None if final is None else Read(begun_ns=T0 + 3 * NS, done_ns=0, values=tuple(final))
    plain = {"kind": "redis", "discipline": Discipline.SET, "rate_hz": 10.0}
    return LedgerLog(writes=writes, final=read, **{**plain, **fields})


def timeline(ledger, drawing=DRAWING):
    return replace(draw(drawing), ledger=ledger)


def judge(ledger, drawing=DRAWING, **bounds):
    bounds = bounds or {"recovery": 1.0, "lost_writes": 0}
    return judged(timeline(ledger, drawing), budgets=budgets(**bounds), ledger="redis")


def measured(ledger, name, drawing=DRAWING):
    one = catalogue()[name].of(Series(timeline(ledger, drawing)))
    return one.low, one.high


def without(*values):
    return [one for one in ALL if one not in values]


def test_a_fast_recovery_without_a_loss_is_healed():
    assert judge(log()).verdict is V.HEALED


def test_lost_writes_are_data_lost_however_fast_the_recovery():
    one = judge(log(final=without(3, 4, 7)))

    assert one.verdict is V.DATA_LOST
    assert one.reason == ("3 of 16 acknowledged writes were lost, those of 400 ms, budget 0")
    assert one.measured("recovery").high < 0.5


def test_losses_are_told_even_when_users_saw_nothing():
    assert judge(log(final=without(3)), "..........!D.......|").verdict is V.DATA_LOST


def test_a_budget_may_allow_some_loss():
    bounds = {"recovery": 1.0, "lost_writes": 2}

    assert judge(log(final=without(3, 4)), **bounds).verdict is V.HEALED
    assert judge(log(final=without(3, 4, 5)), **bounds).verdict is V.DATA_LOST


def test_a_write_without_an_answer_is_lost_or_there_and_both_are_well():
    there = judge(log(info=(10, 11)))
    gone = judge(log(info=(10, 11), final=without(10, 11)))

    assert (there.verdict, there.ledger.recovered) == (V.HEALED, 2)
    assert (gone.verdict, gone.ledger.recovered, gone.ledger.indeterminate) == (V.HEALED, 0, 2)


def test_a_refused_write_that_is_there_is_unexpected():
    one = judge(log(fail=(10,)), recovery=1.0, unexpected_writes=0)

    assert (one.verdict, one.ledger.unexpected) == (V.OVER_BUDGET, 1)


def test_duplicates_beyond_their_budget_are_over_budget():
    ledger = log(final=[*ALL, 3, 3], discipline=Discipline.QUEUE)

    assert judge(ledger, recovery=1.0, duplicates=1).verdict is V.OVER_BUDGET
    assert judge(ledger, recovery=1.0, duplicates=2).verdict is V.HEALED


@pytest.mark.parametrize(
    ("ledger", "why"),
    [
        pytest.param(log(final=None), "not read back: the trial ended before", id="no final read"),
        pytest.param(log(final=None, unread="refused"), "read back: refused", id="unreadable"),
        pytest.param(log(torn=True), "damaged", id="a torn file"),
        pytest.param(log(info=BEFORE), "only 0 of 10 writes before", id="nothing acknowledged"),
        pytest.param(log(fail=(1, 2)), "only 8 of 10 writes before", id="hardly taken"),
        pytest.param(None, "no ledger was kept", id="no file"),
    ],
)
def test_a_ledger_that_proves_nothing_is_never_a_pass(ledger, why):
    one = judge(ledger)

    assert one.verdict is V.OBSERVER_LATE
    assert not one.verdict.conclusive
    assert why in one.reason


def test_without_a_final_read_what_was_seen_otherwise_still_counts():
    assert judge(log(final=None), "..........!xxxxxxxx|").verdict is V.NOT_HEALED


def test_the_span_of_the_lost_is_that_of_their_acknowledgements():
    low, high = measured(log(final=without(2, 9)), "lost_span")

    assert (round(low, 3), round(high, 3)) == (0.7, 0.9)
    assert measured(log(), "lost_span") == (0, 0)
    assert judge(log(final=without(2, 9)), recovery=1.0, lost_span=0.5).verdict is V.DATA_LOST


def reads(*, missing, begun=9):
    values = tuple(one for one in ALL if one not in missing and one < begun)
    at_ns = T0 + begun * STEP_NS
    return (Read(begun_ns=at_ns, done_ns=at_ns, values=values),)


def test_a_read_that_misses_what_was_acknowledged_before_it_is_stale():
    assert measured(log(reads=reads(missing=())), "stale_reads") == (0, 0)
    assert measured(log(reads=reads(missing=(3, 5))), "stale_reads") == (2, 2)
    facts = judge(log(reads=reads(missing=(3, 5)))).ledger
    assert facts.stalest_s == pytest.approx(0.599)


def test_what_is_gone_for_good_is_lost_and_not_stale():
    ledger = log(reads=reads(missing=(3,)), final=without(3))

    assert measured(ledger, "stale_reads") == (0, 0)
    assert measured(ledger, "lost_writes") == (1, 1)


def test_without_reads_nobody_knows_of_stale_ones():
    assert measured(log(), "stale_reads") == (None, None)


def test_the_measures_of_a_ledger_are_taken_only_when_there_is_one():
    plain = {one.measure for one in measure_all(Series(draw(DRAWING)))}
    kept = {one.measure for one in measure_all(Series(timeline(log())))}

    assert kept - plain == {
        "duplicates",
        "lost_span",
        "lost_writes",
        "stale_reads",
        "unexpected_writes",
    }


# --- on disk


LINES = [
    ["begin", {"kind": "http", "discipline": "set", "token": "t", "rate_hz": 20, "timeout_s": 1}],
    ["write", 0, 100],
    ["ok", 0, 110, ""],
    ["write", 1, 150],
    ["write", 2, 200],
    ["fail", 2, 210, "refused"],
    ["info", 1, 300, "no answer"],
    ["read", 301, 302, [0]],
    ["skip", 310],
    ["write", 3, 320],
    ["final", 400, 410, [0, 1, 1]],
]


def written(folder, lines, tail=""):
    path = folder / "ledger.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines) + tail)
    return path


def test_a_ledger_is_read_back_as_it_was_written(tmp_path):
    found = read_ledger(written(tmp_path, LINES))

    fates = [(one.value, one.fate, one.done_ns) for one in found.writes]
    assert fates == [
        (0, Fate.OK, 110),
        (1, Fate.INFO, 300),
        (2, Fate.FAIL, 210),
        (3, Fate.INFO, None),
    ]
    assert found.final.values == (0, 1, 1)
    assert (len(found.reads), found.skipped, found.torn) == (1, 1, False)


def test_a_torn_last_line_is_dropped_and_a_torn_final_read_is_none(tmp_path):
    found = read_ledger(written(tmp_path, LINES[:-1], tail='["final", 400, 41'))

    assert (found.final, found.torn) == (None, False)


@pytest.mark.parametrize(
    "line",
    [
        ["ok", 77, 1, ""],
        ["ok", "0", 1, ""],
        ["what", 1],
        {},
        ["final", 1, 2, ["x"]],
    ],
)
def test_a_line_within_that_cannot_be_read_spoils_the_ledger(tmp_path, line):
    assert read_ledger(written(tmp_path, [*LINES[:3], line, *LINES[3:]])).torn


def test_a_ledger_without_its_head_proves_nothing(tmp_path):
    assert read_ledger(written(tmp_path, LINES[1:])).torn
    assert read_ledger(tmp_path / "none.jsonl") is None


# --- in reports


def record(*ledgers):
    trials = tuple(trial(index, judgement=judge(one)) for index, one in enumerate(ledgers, start=1))
    return experiment(trials=trials, ledger="redis")


def test_reports_tell_the_losses_of_all_trials_in_a_line_and_each_in_a_row():
    made = record(log(), log(final=without(3, 4)), log(final=None))

    words, rows = ledger_words(made), ledger_rows(made)

    assert words.startswith("2 of 32 acknowledged writes lost, at most 100 ms of writes at a time")
    assert "nothing can be said of 1 trial: the ledger was not read back" in words
    assert [len(one) for one in rows] == [len(LEDGER_HEADS)] * 3
    assert rows[1][:4] == ("2", "16 of 16", "2", "100 ms")
    assert rows[2][2] == "–"


def test_reports_of_experiments_without_a_ledger_say_nothing_of_one():
    assert ledger_words(experiment()) == ""
    assert ledger_rows(experiment()) == ()
    assert ledger_words(experiment(ledger="redis")) == "kept, and nothing of it is on record"
