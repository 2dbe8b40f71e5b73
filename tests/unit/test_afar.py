"""A prober afar: its clock, its samples, its loss; the prober and the way to it are processes here."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from random import Random

import numpy as np
import pytest

from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.model.evidence import read_samples
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.outcomes import Outcome, Reason
from chaoskit.model.timeline import SAMPLE_DTYPE
from chaoskit.run.afar import courier
from chaoskit.run.afar.clock import ClockBounds, ClockJumped
from chaoskit.run.afar.prober import AfarProber
from chaoskit.run.afar.samples import AfarLane, Incoming
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.run.prober import desk
from chaoskit.run.prober.handle import ProberLost
from chaoskit.run.prober.hub import Hub
from chaoskit.run.prober.sampler import Sampler
from chaoskit.target.kubernetes.api import ApiAway
from tests.scripted_server import OK, ScriptedServer, answer

MS = 1_000_000
S = 1000 * MS


def talks(random, bounds, *, drift_ppm, begin_s=1000, end_s, offset_ns=77 * S):
    """Readings by ways of random lengths there and back; yields the true offset at each."""
    now = begin_s * S
    while now < end_s * S:
        there, back = (round(random.expovariate(1 / (2 * MS))) for _ in range(2))
        true = offset_ns + (now + there - begin_s * S) * drift_ppm // 1_000_000
        bounds.hear(now, now + there + true, now + there + back)
        yield true
        now += there + back + 100 * MS


@pytest.mark.parametrize("drift_ppm", [0, 100, -500, 1000])
def test_the_truth_is_within_the_stated_error_all_the_time(drift_ppm):
    for seed in range(20):
        bounds = ClockBounds()
        random = Random(seed)
        for _ in talks(random, bounds, drift_ppm=0, end_s=1003):
            pass
        bounds.fix()
        at_first = bounds.error_ns
        wrong = [abs(one - bounds.offset_ns)
                 for one in talks(random, bounds, drift_ppm=drift_ppm, begin_s=1004, end_s=1034)]  # fmt: skip

        assert max(wrong) <= bounds.error_ns
        assert at_first < 4 * MS  # the narrowest of ways that take 4 ms on average
        assert bounds.error_ns < 8 * MS + abs(drift_ppm) * 30_000


def test_a_long_silence_costs_what_two_clocks_can_drift_apart():
    bounds = ClockBounds()
    bounds.hear(0, 5 * S, MS)
    bounds.fix()
    bounds.hear(20 * S, 25 * S, 20 * S + MS)

    assert 15 * MS < bounds.error_ns < 17 * MS


def test_a_clock_that_jumps_is_not_believed():
    bounds = ClockBounds()
    bounds.hear(0, 5 * S, MS)
    with pytest.raises(ClockJumped, match=r"98\.\d ms astray of ours at once"):
        bounds.hear(100 * MS, 5 * S + 200 * MS, 101 * MS)


def records(*numbers, offset_ns=0, probe=0):
    """One good ask a second, as a prober whose clock is so far ahead writes it."""
    made = np.zeros(len(numbers), dtype=SAMPLE_DTYPE)
    made["k"] = numbers
    made["due"] = np.array(numbers, dtype=np.int64) * S + offset_ns
    made["sent"], made["done"] = made["due"] + MS, made["due"] + 2 * MS
    made["probe"], made["outcome"] = probe, Outcome.GOOD
    return made.tobytes()


def test_samples_are_moved_to_our_clock_and_a_torn_one_is_asked_for_again(tmp_path):
    incoming = Incoming(path=tmp_path / "s", number=1, offset_ns=1000 * S)
    data = records(0, 1, 2, offset_ns=1000 * S)
    incoming.take(data[:100])
    incoming.take(data[incoming.received_bytes :])
    found = read_samples(tmp_path / "s")

    assert list(found["due"]) == [0, S, 2 * S]
    assert list(found["done"] - found["sent"]) == [MS] * 3
    assert incoming.count == 3


def test_an_ask_that_was_never_sent_stays_so(tmp_path):
    incoming = Incoming(path=tmp_path / "s", number=1, offset_ns=1000 * S)
    made = np.frombuffer(records(0, offset_ns=1000 * S), dtype=SAMPLE_DTYPE).copy()
    made["sent"] = 0
    incoming.take(made.tobytes())

    assert read_samples(tmp_path / "s")["sent"] == [0]


def test_what_did_not_come_is_unknown_for_every_probe_and_track(tmp_path):
    incoming = Incoming(path=tmp_path / "s", number=1, offset_ns=0)
    incoming.take(records(0, 1, 3))
    lanes = [AfarLane(0, 0, 0, S), AfarLane(1, 0, S // 2, 2 * S), AfarLane(0, 1, 0, S)]
    missing = incoming.fill_up(lanes, 5 * S)
    incoming.take(records(4))  # too late: it counts as lost
    found = read_samples(tmp_path / "s")
    lost = found[found["reason"] == Reason.LOST]

    assert missing == len(lost) == 3 + 3 + 6
    assert (lost["outcome"] == Outcome.UNKNOWN).all()
    assert (lost["sent"] == 0).all()
    assert list(lost["k"][(lost["probe"] == 0) & (lost["track"] == 0)]) == [2, 4, 5]
    assert list(lost["due"][lost["probe"] == 1]) == [S // 2, 5 * S // 2, 9 * S // 2]
    assert len(found) == 3 + missing


class Way:
    """The link as a process, over pipes."""

    def __init__(self, environment, breaks):
        self.breaks = breaks
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chaoskit.run.prober.link"], env=environment, bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, line, *, timeout_s):
        if self.breaks() == "before":
            raise ApiAway("it broke before the question was there")
        try:
            self.process.stdin.write(line.encode() + b"\n")
            said = self.process.stdout.readline().decode()
        except OSError as error:
            raise ApiAway(str(error)) from error
        if not said or self.breaks() == "after":
            raise ApiAway("it broke before the answer was here")
        return said

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


class Site:
    """A prober on this machine that is treated as one afar."""

    def __init__(self, folder, breaks=lambda: ""):
        self.name, self.made, self.breaks = "here", 0, breaks
        self.environment = {**os.environ, desk.FOLDER: str(folder)}
        self.process = None

    def make(self):
        self.made += 1
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chaoskit.run.prober.inside"], env=self.environment
        )

    def unmake(self):
        self.process.terminate()
        self.process.wait(20)

    def reach(self):
        return Way(self.environment, self.breaks)

    def why_gone(self):
        return "" if self.process.poll() is None else f"it ended with {self.process.returncode}"


def page(url, **more):
    return ProbeSpec(name="page", kind="http", provider={"type": "http", "url": url}, tolerance=200)


@pytest.fixture
def server():
    with ScriptedServer(answer(OK)) as one:
        yield one


@pytest.fixture
def hired(tmp_path):
    """A function that makes a prober; all are closed."""
    made, notes = [], []

    def hire(site):
        made.append(AfarProber(site, notes.append))
        return made[-1], notes

    yield hire
    for one in made:
        one.close()


def sampled(prober, path, url, count=60, **how):
    begun = prober.begin(path, [page(url)], **{"rate_hz": 100, "timeout_s": 0.5, **how})
    assert wait_until(lambda: len(read_samples(path)) >= count or prober.lost, timeout_s=60)
    return begun, prober.end()


def whole(samples):
    return np.array_equal(np.sort(samples["k"]), np.arange(len(samples)))


def test_it_samples_as_the_one_on_this_machine_does(hired, tmp_path, server):
    prober, notes = hired(Site(tmp_path / "far"))
    before_ns = now_ns()
    for number in range(2):  # one trial after the other
        path = tmp_path / f"trial-{number}" / "samples.bin"
        begun, ended = sampled(prober, path, server.url)
        found = read_samples(path)

        assert whole(found)
        assert ended.asked == len(found) >= 60
        assert ended.good == (found["outcome"] == Outcome.GOOD).sum()
        assert begun.rates == {"page": 100}
        assert before_ns - prober.clock_error_ns < begun.started_ns <= found["due"].min()
        assert found["done"].max() < now_ns() + prober.clock_error_ns
        assert prober.lost == ""
    assert notes == []


def test_kept_connections_are_asked_over_too(hired, tmp_path, server):
    prober, _ = hired(Site(tmp_path / "far"))
    sampled(prober, tmp_path / "s", server.url, tracks=("fresh", "kept"))
    found = read_samples(tmp_path / "s")

    assert set(found["track"]) == {0, 1}


def test_a_way_that_breaks_again_and_again_loses_and_doubles_nothing(hired, tmp_path, server):
    random = Random(5)
    prober, notes = hired(
        Site(tmp_path / "far", lambda: random.choice(["before", "after", *[""] * 14]))
    )
    _, ended = sampled(prober, tmp_path / "s", server.url, count=200)
    found = read_samples(tmp_path / "s")

    assert prober.lost == ""
    assert whole(found)
    assert ended.asked == len(found) >= 200
    assert not (found["reason"] == Reason.LOST).any()
    assert any("the way to the prober broke and is made anew" in one for one in notes)


def test_one_that_dies_leaves_unknown_to_the_end_and_the_next_trial_has_another(
    hired, tmp_path, server
):
    site = Site(tmp_path / "far")
    prober, notes = hired(site)
    prober.begin(tmp_path / "s", [page(server.url)], rate_hz=100, timeout_s=0.5)
    assert wait_until(lambda: len(read_samples(tmp_path / "s")) >= 30, timeout_s=60)
    site.process.send_signal(signal.SIGKILL)
    assert wait_until(lambda: bool(prober.lost), timeout_s=60)
    ended = prober.end()
    found = read_samples(tmp_path / "s")
    lost = found[found["reason"] == Reason.LOST]

    assert prober.lost == "it ended with -9"
    assert whole(found)
    assert len(lost) == ended.unknown > 0
    assert abs(now_ns() - found["due"].max()) < 5 * S
    assert any("asks that did not come are unknown" in one for one in notes)

    sampled(prober, tmp_path / "again", server.url)
    assert prober.lost == ""
    assert site.made == 2
    assert whole(read_samples(tmp_path / "again"))


def test_one_that_cannot_be_reached_in_time_is_lost(hired, tmp_path, server, monkeypatch):
    broken = threading.Event()
    prober, _ = hired(Site(tmp_path / "far", lambda: "before" if broken.is_set() else ""))
    prober.begin(tmp_path / "s", [page(server.url)], rate_hz=100, timeout_s=0.1)
    monkeypatch.setattr("chaoskit.run.afar.prober._END_S", 0.5)
    broken.set()
    ended = prober.end()

    assert "did not answer within 0.6 s" in prober.lost
    assert ended.unknown > 0
    assert whole(read_samples(tmp_path / "s"))


def test_another_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(courier, "__version__", "9.9")
    site = Site(tmp_path / "far")
    with pytest.raises(EnvironmentUnfit, match=r"image has chaoskit \S+, and this is 9\.9"):
        AfarProber(site, lambda _words: None)

    assert site.process.poll() is not None


def test_a_probe_that_cannot_be_asked_is_the_authors(hired, tmp_path):
    prober, _ = hired(Site(tmp_path / "far"))
    with pytest.raises(InputError, match="page"):
        prober.begin(
            tmp_path / "s",
            [ProbeSpec(name="page", kind="http", provider={"type": "http"}, tolerance=200)],
            rate_hz=10,
            timeout_s=0.5,
        )


def test_a_probe_that_only_chaos_toolkit_asks_is_refused(hired, tmp_path):
    prober, _ = hired(Site(tmp_path / "far"))
    probe = ProbeSpec(name="own", kind="process", provider={"type": "process"}, tolerance=0)
    with pytest.raises(InputError, match="'own' is asked by Chaos Toolkit's code on this machine"):
        prober.begin(tmp_path / "s", [probe], rate_hz=10, timeout_s=0.5)


def test_a_prober_whom_nobody_calls_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(desk, "_ALONE_NS", 50 * MS)
    hub = Hub()
    sampler = Sampler(hub)
    one = desk.Desk(tmp_path / "far", hub, sampler)
    thread = threading.Thread(target=sampler.run, daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    one._listener.close()
    with suppress(OSError):
        hub.epoll.close()


def test_a_lost_prober_cannot_be_replaced_where_none_starts(hired, tmp_path, server):
    site = Site(tmp_path / "far")
    prober, _ = hired(site)
    site.process.send_signal(signal.SIGKILL)
    assert wait_until(lambda: bool(prober.lost), timeout_s=60)

    def make():
        raise EnvironmentUnfit("there is no room")

    site.make = make
    with pytest.raises(ProberLost, match="there is no room"):
        prober.begin(tmp_path / "s", [page(server.url)], rate_hz=100, timeout_s=0.5)
