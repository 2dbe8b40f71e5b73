"""The prober's parts: records, timetables, the lag histogram, the tail."""

import struct
from pathlib import Path

import numpy as np
import pytest

from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import SAMPLE_DTYPE
from chaoskit.run.prober.record import RECORD, SampleFile, Tally
from chaoskit.run.prober.schedule import Lane, keepable_rate, slots, workers_for
from chaoskit.run.prober.tail import Tail


def record(k: int) -> bytes:
    return RECORD.pack(10 + k, 20 + k, 30 + k, k, -7, 2, 1, Outcome.BAD, Reason.TIMEOUT, 0)


def test_the_struct_and_the_dtype_are_the_same_bytes() -> None:
    sample = np.frombuffer(record(5), dtype=SAMPLE_DTYPE)[0]

    assert SAMPLE_DTYPE.itemsize == RECORD.size
    assert sample.tolist() == (15, 25, 35, 5, -7, 2, 1, Outcome.BAD, Reason.TIMEOUT, 0)
    formats = {"<i8": "q", "<u4": "I", "<i4": "i", "<u2": "H", "|u1": "B"}
    spelled = "<" + "".join(formats[kind] for _, kind in SAMPLE_DTYPE.descr)
    assert struct.Struct(spelled).format == RECORD.format


def test_the_extremes_of_every_field_survive() -> None:
    top = (2**63 - 1, 2**63 - 1, 0, 2**32 - 1, -(2**31), 65535, 255, 3, 65535, 0)

    assert np.frombuffer(RECORD.pack(*top), dtype=SAMPLE_DTYPE)[0].tolist() == top


def test_a_tail_reads_every_record_once_and_no_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "samples.bin"
    tail = Tail(path)
    assert len(tail.new()) == 0

    torn = record(2)
    path.write_bytes(record(0) + record(1) + torn[:13])
    assert tail.new()["k"].tolist() == [0, 1]
    assert len(tail.new()) == 0

    with path.open("ab") as file:
        file.write(torn[13:] + record(3))
    assert tail.new()["k"].tolist() == [2, 3]


def test_records_reach_the_disk_in_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "new" / "samples.bin"
    file = SampleFile(path)
    for k in range(600):
        file.append(record(k), now_ns=k)

    assert path.stat().st_size % RECORD.size == 0
    assert file.flush_at_ns == 512 + 50_000_000
    file.close()
    assert np.fromfile(path, dtype=SAMPLE_DTYPE)["k"].tolist() == list(range(600))


def test_turns_are_due_at_whole_periods_whatever_happened_before() -> None:
    lane = Lane(probe=0, period_ns=100, timeout_ns=1000, cap=2)
    lane.start(5000)

    turns = [lane.take_turn(now_ns) for now_ns in (5000, 5100, 9000, 9000)]

    assert [turn.due_ns for turn in turns] == [5000, 5100, 5200, 5300]
    assert [turn.k for turn in turns] == [0, 1, 2, 3]
    assert [turn.late for turn in turns] == [False, False, True, True]


@pytest.mark.parametrize(("lag_ns", "late"), [(0, False), (50, False), (51, True)])
def test_late_is_more_than_half_a_period(lag_ns: int, late: bool) -> None:
    lane = Lane(probe=0, period_ns=100, timeout_ns=1000, cap=2)
    lane.start(5000)

    assert lane.take_turn(5000 + lag_ns).late is late


def test_a_full_lane_has_no_slot_but_still_has_its_turn() -> None:
    lane = Lane(probe=0, period_ns=100, timeout_ns=1000, cap=2)
    lane.start(0)
    lane.in_flight = 2

    turn = lane.take_turn(0)

    assert (turn.k, turn.slot) == (0, False)


def test_slots_hold_every_ask_that_can_time_out_at_once() -> None:
    assert slots(0.5, 50.0) >= 25
    assert slots(0.5, 1000.0) >= 500


@pytest.mark.parametrize(
    ("wanted_hz", "took_s", "timeout_s"),
    [(50.0, 0.003, 0.5), (50.0, 0.2, 0.8), (1000.0, 0.0001, 0.1), (1.0, 3.0, 12.0)],
)
@pytest.mark.parametrize("sharing", [1, 2, 5, 20])
def test_a_kept_rate_never_lacks_workers(
    wanted_hz: float, took_s: float, timeout_s: float, sharing: int
) -> None:
    rate_hz = keepable_rate(
        wanted_hz=wanted_hz, took_s=took_s, timeout_s=timeout_s, sharing=sharing
    )
    workers = workers_for(rate_hz=rate_hz, timeout_s=timeout_s, sharing=sharing)

    assert 0 < rate_hz <= wanted_hz
    assert workers >= rate_hz * timeout_s
    assert rate_hz * took_s * sharing <= 0.5 + 1e-9


def test_lag_quantiles_are_right_to_a_microsecond() -> None:
    tally = Tally()
    for lag_us in range(1, 1001):
        tally.lag(lag_us * 1000)

    assert tally.lag_quantile_s(0.5) == pytest.approx(500e-6, abs=1.1e-6)
    assert tally.lag_quantile_s(0.99) == pytest.approx(990e-6, abs=1.1e-6)
    assert tally.worst_s == 1e-3


def test_lags_beyond_the_histogram_are_reported_as_the_worst() -> None:
    tally = Tally()
    tally.lag(3_000_000_000)

    assert tally.lag_quantile_s(0.99) == 3.0
