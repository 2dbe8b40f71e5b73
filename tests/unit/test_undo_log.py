"""The undo log: what is open survives every kind of death of its writer."""

import json
import os
import stat

import pytest

from chaoskit.model.faults import Doer, Gone, Instance, Operation
from chaoskit.run.undo_log import Entry, UndoLog

WEB = Instance(id="abc", name="web-1", service="web", pid=7, addresses={"net": "10.0.0.1"})


def entry(fault_id="f1", number=0, *, held=True):
    operation = Operation(
        doer=Doer.AGENT,
        kind="signal",
        instance=WEB,
        params={"signal": "STOP", "start_ticks": 5},
        mechanism="SIGSTOP",
    )
    return Entry(fault_id=fault_id, number=number, fault="hang", held=held, operation=operation)


def gone():
    return Gone(gone_ns=1, evidence="none left")


@pytest.fixture
def ledger(tmp_path):
    ledger = UndoLog(tmp_path)
    ledger.begin("run-7")
    return ledger


def test_what_was_begun_and_not_lifted_is_open_and_comes_back_whole(ledger):
    ledger.doing([entry(number=0), entry(number=1)])
    ledger.lifted("f1.0", gone())

    assert UndoLog(ledger.path.parent).open_entries() == (entry(number=1),)


def test_the_newest_is_undone_first(ledger):
    ledger.doing([entry("f1"), entry("f2", 0), entry("f2", 1)])

    assert [one.handle for one in ledger.open_entries()] == ["f2.1", "f2.0", "f1.0"]


def test_a_struck_fault_has_nothing_to_undo(ledger):
    ledger.doing([entry(held=False)])

    assert ledger.open_entries() == ()


def test_only_its_owner_may_read_the_log_from_the_moment_that_it_is_there(tmp_path):
    before = os.umask(0)
    try:
        log = UndoLog(tmp_path)
        log.begin("run-8")
    finally:
        os.umask(before)

    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_fault_ids_go_on_where_an_earlier_writer_ended(ledger):
    assert ledger.next_id() == "f1"
    ledger.doing([entry("f1"), entry("f9")])

    assert UndoLog(ledger.path.parent).next_id() == "f10"


def test_an_absent_log_is_an_empty_one_and_the_folder_names_the_run(tmp_path):
    ledger = UndoLog(tmp_path)

    assert ledger.open_entries() == ()
    assert ledger.run_id == tmp_path.name


def test_the_run_is_named_once(ledger):
    ledger.begin("another")

    assert ledger.run_id == "run-7"


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_was_never_begun_and_spoils_nothing(ledger, cut):
    ledger.doing([entry("f1")])
    whole = ledger.path.read_bytes()
    ledger.doing([entry("f2")])
    ledger.path.write_bytes(whole + ledger.path.read_bytes()[len(whole) :][:cut])

    assert [one.handle for one in ledger.open_entries()] == ["f1.0"]
    ledger.doing([entry("f3")])
    assert [one.handle for one in ledger.open_entries()] == ["f3.0", "f1.0"]


@pytest.mark.parametrize(
    "junk", ["null", "[]", "{}", '{"what": "doing"}', '{"what": "doing", "fault": "f", "held": 1}']
)
def test_lines_of_somebody_else_are_passed_over(ledger, junk):
    ledger.doing([entry()])
    with ledger.path.open("a") as file:
        file.write(junk + "\n")

    assert ledger.open_entries() == (entry(),)
    assert ledger.next_id() == "f2"


def test_every_line_is_json_with_a_time(ledger):
    ledger.doing([entry()])
    ledger.lifted("f1.0", gone())

    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [line["what"] for line in lines] == ["run", "doing", "lifted"]
    assert all(line["at"].endswith("+00:00") for line in lines)
