"""The kept track: asks over connections that were there before, beside fresh ones."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import numpy as np
import pytest

from chaoskit.measures.base import catalogue
from chaoskit.measures.series import Series
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict
from chaoskit.run.prober.handle import Prober
from tests.drawing import draw
from tests.judging import judged
from tests.scripted_server import OK
from tests.unit.test_prober import http, sample, wait_for

CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class KeepingServer:
    """Answers any number of requests on each connection, and counts both."""

    def __init__(self, raw: bytes = OK, requests_a_connection: int = 1_000_000) -> None:
        self.raw = raw
        self.limit = requests_a_connection
        self.connections = 0
        self.answered: dict[int, int] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End every connection."""
        for one in list(self._open):
            with one:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            number = self.connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        for _ in range(self.limit):
            try:
                request = connection.recv(65536)
                if not request:
                    break
                connection.sendall(self.raw)
            except OSError:
                return
            self.answered[number] = self.answered.get(number, 0) + 1
            if b"Connection: close" in request or self.raw is CLOSING:
                break
        connection.close()


@pytest.fixture
def prober() -> Iterator[Prober]:
    with Prober.start() as prober:
        yield prober


def both(prober: Prober, path, *specs: ProbeSpec, **how):
    return sample(prober, path, *specs, **{"tracks": ("fresh", "kept"), "count": 40, **how})[0]


def test_a_kept_connection_is_used_again_and_again(prober, tmp_path):
    with KeepingServer() as server:
        samples = both(prober, tmp_path / "s", http(server.url))
        fresh, kept = (samples[samples["track"] == track] for track in (0, 1))

        assert len(fresh) > 10
        assert len(kept) > 10
        known = samples[samples["outcome"] != Outcome.UNKNOWN]
        assert set(known["outcome"].tolist()) == {Outcome.GOOD}
        assert max(server.answered.values()) > 5
        assert server.connections < len(fresh) + len(kept) // 2


def test_only_fresh_connections_are_asked_unless_kept_ones_are_wanted(prober, tmp_path):
    with KeepingServer() as server:
        samples, _ = sample(prober, tmp_path / "s", http(server.url))

    assert set(samples["track"].tolist()) == {0}


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(KeepingServer(CLOSING), id="says that it closes"),
        pytest.param(KeepingServer(requests_a_connection=3), id="closes after three requests"),
    ],
)
def test_a_server_that_closes_politely_costs_nothing(prober, tmp_path, server):
    with server:
        samples = both(prober, tmp_path / "s", http(server.url), rate_hz=50.0)

    known = samples[samples["outcome"] != Outcome.UNKNOWN]
    assert set(known["outcome"].tolist()) == {Outcome.GOOD}


def test_idle_connections_that_were_cut_are_replaced(prober, tmp_path):
    path = tmp_path / "s"
    with KeepingServer() as server:
        prober.begin(
            path, [http(server.url)], rate_hz=50.0, timeout_s=0.5, tracks=("fresh", "kept")
        )
        wait_for(lambda: path.stat().st_size >= 40 * 40, "samples")
        before = server.connections
        server.cut()
        wait_for(lambda: path.stat().st_size >= 40 * 80, "samples after the cut")
        ended = prober.end()

    assert ended.good > 70
    assert ended.bad <= 4  # those that were in flight when they were cut
    assert server.connections > before


def test_a_probe_that_cannot_keep_its_connection_is_asked_afresh_only(prober, tmp_path):
    with KeepingServer() as server:
        spec = http(server.url, headers={"Connection": "close"})
        samples = both(prober, tmp_path / "s", spec, count=10)

    assert set(samples["track"].tolist()) == {0}


def with_kept(fresh: str, kept: str) -> Timeline:
    """Two drawings of one trial: the second is what kept connections saw."""
    timeline, other = draw(fresh), draw(kept).samples.copy()
    other["track"] = 1
    return replace(timeline, samples=np.concatenate([timeline.samples, other]))


STEADY = "." * 12
AFTER = "." * 12


def test_users_of_kept_connections_recover_at_their_own_time():
    timeline = with_kept(f"{STEADY}!x{AFTER}...|", f"{STEADY}xxxx{AFTER}")
    series = Series(timeline)
    fresh = catalogue()["recovery"].of(series)
    kept = catalogue()["kept_recovery"].of(series)

    assert fresh.high is not None
    assert kept.high is not None
    assert kept.measure == "kept_recovery"
    assert kept.high - fresh.high == pytest.approx(0.3)


def test_without_kept_asks_there_is_no_such_measure():
    found = catalogue()["kept_recovery"].of(Series(draw(f"{STEADY}!x{AFTER}|")))

    assert not found.known
    assert found.note == "no kept connection was asked over"


@pytest.mark.parametrize(
    ("fresh", "kept", "verdict", "reason"),
    [
        pytest.param(
            f"{STEADY}!D{AFTER}....|",
            f"{STEADY}xx..{AFTER}",
            Verdict.HEALED,
            "kept connections were hit, new ones were not",
            id="only kept ones were hit",
        ),
        pytest.param(
            f"{STEADY}!Dxx{AFTER}..|",
            STEADY + "x" * 16,
            Verdict.NOT_HEALED,
            "over kept connections: no recovery within",
            id="kept ones never recover",
        ),
        pytest.param(
            f"{STEADY}!D{AFTER}....|",
            f"{STEADY}....{AFTER}",
            Verdict.MASKED,
            "users saw nothing",
            id="nobody was hit",
        ),
    ],
)
def test_kept_connections_are_users_too(fresh, kept, verdict, reason):
    judgement = judged(with_kept(fresh, kept))

    assert judgement.verdict is verdict
    assert judgement.reason.startswith(reason)


def test_reasons_of_the_kept_track_are_told(prober, tmp_path):
    with KeepingServer(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n") as server:
        samples = both(prober, tmp_path / "s", http(server.url))
    kept = samples[(samples["track"] == 1) & (samples["outcome"] != Outcome.UNKNOWN)]

    assert set(kept["reason"].tolist()) == {Reason.TOLERANCE}
    assert max(np.bincount(kept["detail"])) == len(kept)
