"""The writer's process: everything is written down before it is sent, and read back at the end."""

import os
import signal
import time

import pytest

from chaoskit.ledgers.base import LedgerUnready
from chaoskit.model.experiment import LedgerUse
from chaoskit.model.ledger import Fate, read_ledger
from chaoskit.run.writer.handle import Writer, WriterDied
from chaoskit.run.writer.keeping import Keeping
from tests.ledger_servers import HttpStore, RespServer, closed_port

LIMIT_S = 15


@pytest.fixture
def store():
    store = HttpStore()
    yield store
    store.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.jsonl"


def use(store, **fields):
    plain = {"rate_hz": 100.0, "timeout_s": 2.0, "read_within_s": 5.0}
    settings = {"url": "${web}/items", "read_url": "${web}/items"}
    return LedgerUse(**{"kind": "http", "settings": settings, **plain, **fields})


def known(store):
    return {"web": store.url}


def until(what, condition):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT_S} s: {what}"
        time.sleep(0.01)


def finished(writer):
    writer.finish()

    def done():
        writer.check()
        return writer.finished

    until("read back", done)
    writer.close()


def written(path):
    return [one.value for one in read_ledger(path).writes]


def test_what_is_written_is_numbered_acknowledged_and_read_back(store, path):
    writer = Writer.begin(path, use(store), known(store))
    until("thirty writes", lambda: len(store.items) >= 30)
    finished(writer)
    log = read_ledger(path)

    values = [one.value for one in log.writes]
    assert values == list(range(len(values)))
    assert {one.fate for one in log.writes} == {Fate.OK}
    assert sorted(log.final.values) == values
    assert all(one.at_ns < one.done_ns < log.final.begun_ns for one in log.writes)
    assert (log.torn, log.skipped, log.discipline) == (False, 0, "set")


def test_writes_keep_their_rate_while_the_target_hangs(path):
    server = RespServer()
    server.instead["RPUSH"] = None
    begun = time.monotonic()
    writer = Writer.begin(
        path,
        use(server, kind="redis", settings={"url": "${web}"}, rate_hz=50.0, timeout_s=0.5),
        known(server),
    )
    until("forty writes", lambda: len(written(path)) >= 40)
    took_s = time.monotonic() - begun
    writer.close()
    log = read_ledger(path)
    server.close()

    steps = [b.at_ns - a.at_ns for a, b in zip(log.writes, log.writes[1:], strict=False)]
    assert log.skipped == 0
    assert took_s < 5
    assert sum(steps) / len(steps) == pytest.approx(20e6, rel=0.5)
    assert {one.fate for one in log.writes} == {Fate.INFO}


def test_what_the_target_loses_is_missing_in_the_final_read(store, path):
    writer = Writer.begin(path, use(store), known(store))
    until("ten writes", lambda: len(store.items) >= 10)
    with store.lock:
        store.items.clear()
    until("ten more", lambda: len(store.items) >= 10)
    finished(writer)
    log = read_ledger(path)

    acked = {one.value for one in log.writes if one.fate is Fate.OK}
    assert len(acked - set(log.final.values)) >= 10


def test_values_that_come_late_are_waited_for(store, path):
    writer = Writer.begin(path, use(store), known(store))
    until("ten writes", lambda: len(store.items) >= 10)
    with store.lock:
        store.hide.update(dict.fromkeys(store.items[:3], 4))
    finished(writer)
    log = read_ledger(path)

    acked = {one.value for one in log.writes if one.fate is Fate.OK}
    assert len(acked) >= 10
    assert acked <= set(log.final.values)


def test_a_target_that_cannot_be_read_leaves_no_final_read_and_the_reason(store, path):
    writer = Writer.begin(path, use(store, read_within_s=0.5), known(store))
    until("a write", lambda: store.items)
    store.broken = True
    finished(writer)
    log = read_ledger(path)

    assert log.final is None
    assert "answers 500" in log.unread


def test_reads_while_writing_are_on_record(store, path):
    writer = Writer.begin(path, use(store, read_every_s=0.05), known(store))
    until("three reads", lambda: len(read_ledger(path).reads) >= 3)
    finished(writer)
    log = read_ledger(path)

    sizes = [len(one.values) for one in log.reads]
    assert sizes == sorted(sizes)


def test_a_writer_that_was_killed_is_noticed_and_leaves_what_it_had(store, path):
    writer = Writer.begin(path, use(store), known(store))
    until("ten writes", lambda: len(store.items) >= 10)
    os.kill(writer.pid, signal.SIGKILL)

    def gone():
        try:
            writer.check()
        except WriterDied as error:
            return "ended with -9" in str(error)
        return False

    until("it is noticed", gone)
    writer.close()
    assert len(written(path)) >= 10
    assert read_ledger(path).final is None


def test_nobody_writes_on_when_the_supervisor_is_gone(store, path):
    writer = Writer.begin(path, use(store), known(store))
    writer._channel.close()

    until("it ends", lambda: writer._process.poll() is not None)
    writer.close()


def test_a_target_that_takes_no_values_is_told_apart_from_a_defect(path):
    settings = {"url": f"127.0.0.1:{closed_port()}"}
    with pytest.raises(LedgerUnready, match="cannot be made"):
        Writer.begin(path, use(None, kind="postgres", settings=settings), {})


def test_wrong_settings_are_told_before_anything_is_written(tmp_path):
    keeping = Keeping(use(None, settings={"url": "http://x/"}), tmp_path)
    keeping.begin({"configuration": {}, "secrets": {}})

    assert "the ledger cannot be written: the settings of the http ledger" in keeping.unready
    assert keeping.over
    keeping.close()


def test_secrets_and_addresses_are_filled_in(store, tmp_path):
    settings = {"url": "${web}/${path}", "read_url": "${web}/${path}"}
    keeping = Keeping(use(store, settings=settings), tmp_path)
    keeping.begin({"configuration": known(store), "secrets": {"a": {"path": "items"}}})
    until("a write", lambda: store.items)
    keeping.finish()
    until("over", lambda: keeping.over)
    keeping.close()

    assert read_ledger(tmp_path / "ledger.jsonl").final is not None


def test_without_a_ledger_there_is_nothing_to_wait_for(tmp_path):
    keeping = Keeping(None, tmp_path)
    keeping.begin({"configuration": {}, "secrets": {}})
    keeping.check()
    keeping.finish()

    assert keeping.over
    keeping.close()
    assert list(tmp_path.iterdir()) == []
