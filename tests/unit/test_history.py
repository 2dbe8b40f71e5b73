"""history.jsonl: added to whole, joined with cat, read past a crash; states, trends and changes."""

import io
import json
import random
import threading
from dataclasses import replace
from datetime import datetime

import pytest

from chaoskit.errors import InputError
from chaoskit.history import History, Row, read, rows
from chaoskit.model.trend import Pace, State
from chaoskit.model.verdict import Verdict
from chaoskit.reporters import terminal_history
from chaoskit.run.folder import HISTORY, append_history
from chaoskit.trend import Freshness, trends
from tests.comparing import Beyond, made, run_of


def stored(tmp_path, *journals):
    for one in journals:
        for row in rows(one):
            append_history(tmp_path, row)
    return tmp_path / HISTORY


def at(day, **fields):
    """A row of one day."""
    plain = {
        "run": f"r{day:03}",
        "at": f"2026-01-01T00:{day // 60:02}:{day % 60:02}Z",
        "experiment": "shop/crash",
        "hash": "h1",
        "machine": "x86_64, 2 cores",
        "verdict": Verdict.HEALED,
        "passed": True,
    }
    return Row(**{**plain, **fields})


def timed(day, *values, **fields):
    return at(day, measures={"recovery": values}, **fields)


def trend_of(*found):
    (one,) = trends(History(rows=found))
    return one


def test_what_is_written_is_read_back(tmp_path):
    run = run_of(
        made(recovery=(1.0, 1.2, Beyond(30)), availability=(0.9, 1.0, 0.8)),
        environment={"host": "ci-17", "machine": "x86_64", "cores": "2"},
    )
    (row,) = read([stored(tmp_path, run)]).rows

    assert row.measures["recovery"] == (1.0, 1.2, None)
    assert row.measures["availability"] == (0.9, 1.0, 0.8)
    assert row.beyond == {"recovery": 1}
    assert row.machine == "x86_64, 2 cores"
    assert row.median("recovery") == 1.2
    assert row.median("detection") is None


def test_void_trials_are_not_kept(tmp_path):
    run = run_of(made(recovery=(1.0, 2.0), verdict=Verdict.OBSERVER_LATE))
    (row,) = read([stored(tmp_path, run)]).rows

    assert row.measures == {}


def test_a_torn_line_is_skipped_and_said(tmp_path):
    path = stored(tmp_path, run_of(made(recovery=(1.0,))))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "run": "b", "exp')
    found = read([path])

    assert len(found.rows) == 1
    assert found.skipped == (f"{path}:2 is skipped: it ends in the middle",)


def test_a_row_after_a_torn_line_is_whole(tmp_path):
    path = stored(tmp_path, run_of(made(recovery=(1.0,))))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"schema": 1, "run"')
    stored(tmp_path, run_of(made(recovery=(2.0,)), run_id="b"))
    found = read([path])

    assert [one.run for one in found.rows] == ["a", "b"]
    assert len(found.skipped) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param('{"schema": 2}', "its schema is 2, this version reads 1", id="newer"),
        pytest.param("[1]", "list indices", id="a list"),
        pytest.param('{"run": "x"}', "it has no 'schema'", id="no schema"),
        pytest.param("nonsense}", "not JSON", id="no JSON"),
        pytest.param("\udcff\udcfe}", "not JSON", id="no text"),
        pytest.param(
            '{"schema": 1, "run": "x", "at": "", "experiment": "e", "verdict": "superb", '
            '"measures": {}}',
            "'superb' is not a valid Verdict",
            id="an unknown verdict",
        ),
        pytest.param(
            '{"schema": 1, "run": "x", "at": "", "experiment": "e", "measures": {"m": ["x"]}}',
            "could not convert",
            id="no number",
        ),
    ],
)
def test_what_is_no_row_is_skipped_with_the_reason(tmp_path, line, reason):
    path = tmp_path / HISTORY
    path.write_bytes(line.encode("utf-8", "surrogateescape") + b"\n\n")
    found = read([path])

    assert found.rows == ()
    assert reason in found.skipped[0]


def test_files_joined_in_any_order_are_one_history(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
    early = run_of(made(recovery=(1.0,)), run_id="early")
    late = stored(tmp_path / "x", run_of(made(recovery=(2.0,)), run_id="late"), early)
    again = stored(tmp_path / "y", early)
    joined = tmp_path / "joined"
    joined.write_bytes(late.read_bytes() + again.read_bytes())

    assert read([joined]).rows == read([late, again]).rows
    assert {one.run for one in read([joined]).rows} == {"early", "late"}
    assert len(read([joined]).rows) == 2


def test_many_writers_leave_whole_lines(tmp_path):
    row = {"schema": 1, "at": "", "experiment": "e", "measures": {"recovery": [0.1] * 500}}

    def write(writer):
        for number in range(20):
            append_history(tmp_path, {**row, "run": f"{writer}-{number}"})

    threads = [threading.Thread(target=write, args=(one,)) for one in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = read([tmp_path / HISTORY])

    assert found.skipped == ()
    assert len(found.rows) == 160


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read([tmp_path / "nope"])


def test_a_row_of_an_earlier_version_is_read(tmp_path):
    path = tmp_path / HISTORY
    row = {
        "schema": 1, "run": "r", "at": "2026", "chaoskit": "0.1.0", "seed": 1,
        "experiment": "e", "hash": "h", "target": "t", "host": "vm", "verdict": "healed",
        "passed": True, "measures": {"recovery": [1.0, None]},
    }  # fmt: skip
    path.write_text(json.dumps(row))
    (one,) = read([path]).rows

    assert one.machine == "vm"
    assert one.median("recovery") == 1.0


P, F, U = (
    {"verdict": Verdict.HEALED, "passed": True},
    {"verdict": Verdict.TOO_SLOW, "passed": False},
    {"verdict": Verdict.OBSERVER_LATE, "passed": False},
)


@pytest.mark.parametrize(
    ("runs", "state"),
    [
        pytest.param([P], State.NEW, id="one run"),
        pytest.param([U, U, F], State.NEW, id="the first that tells anything"),
        pytest.param([U], State.UNTOLD, id="nothing told"),
        pytest.param([P, P, P], State.STABLE, id="stable"),
        pytest.param([F, F, F], State.STABLE, id="stable and failing"),
        pytest.param([P, P, F], State.BROKEN, id="broken"),
        pytest.param([F, U, P], State.FIXED, id="fixed"),
        pytest.param([F, P, P], State.STABLE, id="fixed a while ago"),
        pytest.param([P, F, P], State.FLAKY, id="to and fro"),
        pytest.param([P, F, *[P] * 10], State.STABLE, id="flaky long ago"),
        pytest.param([P, U, P], State.STABLE, id="what told nothing is no change"),
    ],
)
def test_states(runs, state):
    assert trend_of(*(at(day, **one) for day, one in enumerate(runs))).state is state


def test_an_expected_failure_passes():
    weak = {"verdict": Verdict.NOT_HEALED, "passed": True}

    assert trend_of(at(1, **weak), at(2, **weak)).state is State.STABLE


@pytest.mark.parametrize(
    ("last", "pace"),
    [
        pytest.param(timed(30, 1.05), Pace.USUAL, id="as usual"),
        pytest.param(timed(30, 1.19), Pace.USUAL, id="less than a fifth more"),
        pytest.param(timed(30, 1.5), Pace.SLOWER, id="slower"),
        pytest.param(timed(30, 0.5), Pace.FASTER, id="faster"),
        pytest.param(at(30, beyond={"recovery": 5}), Pace.SLOWER, id="never"),
        pytest.param(at(30), Pace.TOO_FEW, id="not measured"),
        pytest.param(timed(30, 1.5, hash="h2"), Pace.TOO_FEW, id="another file"),
        pytest.param(timed(30, 1.5, machine="arm"), Pace.TOO_FEW, id="another kind of machine"),
    ],
)
def test_the_last_run_beside_those_before_it(last, pace):
    earlier = [timed(day, 1.0 + 0.01 * (day % 3)) for day in range(6)]

    assert trend_of(*earlier, last).pace is pace


def test_a_few_milliseconds_are_never_a_trend():
    earlier = [timed(day, 0.002) for day in range(10)]

    assert trend_of(*earlier, timed(20, 0.15)).pace is Pace.USUAL
    assert trend_of(*earlier, timed(20, 0.25)).pace is Pace.SLOWER


def test_only_the_last_twenty_say_what_is_usual():
    old = [timed(day, 9.0) for day in range(30)]
    recent = [timed(30 + day, 1.0) for day in range(20)]
    found = trend_of(*old, *recent, timed(55, 1.0))

    assert found.usual == 1.0
    assert found.earlier == 20
    assert found.pace is Pace.USUAL


def test_five_earlier_runs_are_needed():
    assert trend_of(*(timed(day, 1.0) for day in range(5))).pace is Pace.TOO_FEW
    assert trend_of(*(timed(day, 1.0) for day in range(6))).pace is Pace.USUAL


def test_a_change_of_level_names_the_run():
    rng = random.Random(4)
    before = [timed(day, rng.gauss(1.0, 0.05)) for day in range(15)]
    after = [timed(15 + day, rng.gauss(1.6, 0.05)) for day in range(10)]
    (shift,) = trend_of(*before, *after).shifts

    assert shift.run == "r015"
    assert (shift.before, shift.after) == pytest.approx((1.0, 1.6), abs=0.05)
    assert trend_of(*before[:9], *after).shifts == (), "nineteen runs are not enough"


def test_experiments_are_apart_and_measures_are_chosen():
    found = trends(History(rows=(timed(1, 1.0, experiment="b"), timed(2, 2.0, experiment="a"))))

    assert [one.experiment for one in found] == ["a", "b"]
    with pytest.raises(InputError, match="choose from"):
        trends(History(rows=()), "availability")


@pytest.mark.parametrize(
    ("rows", "days", "state"),
    [
        pytest.param([at(1), at(2)], 0.5, State.EXPIRED, id="too long ago"),
        pytest.param([at(1), at(2)], 30, State.STABLE, id="not yet"),
        pytest.param(
            [at(1), at(59, verdict=Verdict.OBSERVER_LATE, passed=False)],
            0.5,
            State.EXPIRED,
            id="a run that tells nothing renews nothing",
        ),
        pytest.param([at(1, at="yesterday"), at(2, at="x")], 0.5, State.STABLE, id="no times"),
        pytest.param(
            [at(1, verdict=Verdict.OBSERVER_LATE, passed=False)],
            0.5,
            State.UNTOLD,
            id="nothing told",
        ),
    ],
)
def test_what_nobody_ran_for_days_is_expired(rows, days, state):
    now = datetime.fromisoformat("2026-01-02T00:00:00+00:00")
    (found,) = trends(History(rows=tuple(rows)), fresh=Freshness(now=now, days=days))

    assert found.state is state


def test_every_state_can_be_shown():
    for state in State:
        found = replace(trend_of(at(1)), state=state)
        stream = io.StringIO()
        terminal_history.show((found,), 5, stream)

        assert state.value in stream.getvalue()
