"""Faults of packets with a real engine: they keep their promise to TCP and UDP, and are gone."""

import contextlib
import re
import subprocess
from dataclasses import replace

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.target.images import BASE
from chaoskit.testing.arena import address_of, opened, pid_of
from chaoskit.testing.kit import prove_fault
from tests.docker.packet_traffic import ANSWERING, OTHER_PORT, PORT, ask

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """`web` asks and `db` answers; shared, because every test puts it back as it was."""
    with opened(tmp_path_factory.mktemp("packets")) as arena:
        web = arena.add("web")
        db = arena.add("db", command=["python3", "-c", ANSWERING])
        address = address_of(db)
        assert wait_until(lambda: _answers(web, address), timeout_s=20)
        yield arena, web, address


@pytest.fixture
def asked(place):
    """Ask `db` from `web`; whatever a test left on is lifted."""
    arena, web, address = place
    yield lambda **options: ask(web, address, **options)
    arena.injector.lift_all()


def _answers(web, address):
    with contextlib.suppress(AssertionError):
        return ask(web, address, datagrams=3).datagrams == 3
    return False


def _evidence(arena):
    return arena.marks[-1].detail


def _near(seconds, promised_s):
    """Within 5 %, and what a busy machine adds."""
    return 0.95 * promised_s <= seconds <= 1.05 * promised_s + 0.040


@pytest.mark.parametrize("direction", ["both", "in", "out"])
def test_latency_is_added_to_each_round_trip_of_tcp_and_udp_and_is_gone(place, asked, direction):
    arena, *_ = place
    done = arena.inject("latency", delay="200ms", direction=direction)
    slow = asked()
    arena.injector.lift(done.fault_id)
    fast = asked()

    assert "promised 200 ms, measured " in _evidence_of(arena, done)
    assert all(_near(one, 0.2) for one in (slow.connect_s, slow.stream_s, slow.datagram_s))
    assert slow.whole
    assert max(fast.connect_s, fast.stream_s, fast.datagram_s) < 0.1


def _evidence_of(arena, done):
    return next(
        mark.detail
        for mark in arena.marks
        if mark.source == done.fault_id and mark.kind == "in_effect"
    )


def test_latency_with_a_filter_spares_the_rest(place, asked):
    arena, *_ = place
    arena.inject("latency", delay="200ms", peer="db", port=PORT, protocol="udp")
    hit, spared = asked(), asked(port=OTHER_PORT)

    assert _near(hit.datagram_s, 0.2)
    assert max(hit.connect_s, hit.stream_s, spared.datagram_s) < 0.1


def test_jitter_varies_and_tcp_arrives_whole(place, asked):
    arena, *_ = place
    done = arena.inject("latency", delay="60ms", jitter="40ms", protocol="all")
    seen = asked(datagrams=100)

    assert "standard deviation promised 16.33 ms" in _evidence_of(arena, done)
    assert 0.03 < seen.datagram_s < 0.12
    assert seen.overtaken > 0
    assert seen.whole


def test_what_is_held_longer_than_may_be_waited_for_is_said_to_be_measured_in_part(place):
    arena, *_ = place
    done = arena.inject("latency", delay="9s")
    arena.injector.lift(done.fault_id)

    assert "within 1 s none of 5 packets was back" in _evidence_of(arena, done)


def test_corruption_costs_datagrams_and_tcp_mends_it(place, asked):
    arena, *_ = place
    done = arena.inject("corruption", share="10%", direction="in")
    seen = asked(datagrams=300, gap_s=0.001, size=8192)

    assert "promised 10 % corrupted, measured " in _evidence_of(arena, done)
    assert 240 <= seen.datagrams <= 294
    assert seen.altered == 0
    assert seen.whole


def test_silent_corruption_gives_wrong_bytes_for_good(place, asked):
    arena, *_ = place
    arena.inject("corruption", share="50%", silent=True, direction="in")
    seen = asked(datagrams=100, gap_s=0.001)

    assert seen.altered > 20
    assert seen.altered + seen.datagrams == 100
    assert not seen.whole


@pytest.mark.parametrize("direction", ["in", "out"])
def test_duplication_gives_datagrams_twice_and_tcp_once(place, asked, direction):
    arena, *_ = place
    arena.inject("duplication", share="50%", direction=direction)
    seen = asked(datagrams=100, gap_s=0.001)

    assert 25 <= seen.copies <= 75
    assert seen.datagrams == 100
    assert seen.whole


def test_reordering_lets_datagrams_overtake_and_tcp_arrives_in_order(place, asked):
    arena, *_ = place
    arena.inject("reordering", share="20%", by="30ms", direction="out")
    seen = asked(datagrams=200, gap_s=0.001)

    assert 15 <= seen.overtaken <= 75
    assert seen.datagrams == 200
    assert seen.whole


@pytest.mark.parametrize(
    ("arguments", "mechanism"),
    [({}, "tbf"), ({"direction": "in"}, "tbf"), ({"port": PORT, "protocol": "tcp"}, "queue")],
)
def test_a_bandwidth_is_kept_for_a_whole_transfer(place, asked, arguments, mechanism):
    arena, *_ = place
    done = arena.inject("bandwidth", rate="4mbit", **arguments)
    size = 512_000  # there and back: each direction is limited on its own, at the same time
    slow = asked(size=size, datagrams=1)
    arena.injector.lift(done.fault_id)
    fast = asked(size=size, datagrams=1)

    assert f"; {mechanism} " in _evidence_of(arena, done)
    assert 0.9 * size * 8 / 4e6 < slow.transfer_s < 1.5 * size * 8 / 4e6
    assert slow.whole
    assert fast.transfer_s < slow.transfer_s / 2


def test_a_bandwidth_for_one_port_spares_the_other(place, asked):
    arena, *_ = place
    arena.inject("bandwidth", rate="1mbit", port=PORT)

    assert asked(port=OTHER_PORT, size=512_000).transfer_s < 2


def test_several_faults_on_one_instance_all_bite_and_go_one_by_one(place, asked):
    arena, *_ = place
    delay = arena.inject("latency", delay="100ms")
    more = arena.inject("latency", delay="100ms", port=PORT)
    twice = arena.inject("duplication", share="30%")
    rate = arena.inject("bandwidth", rate="8mbit")
    everything = asked(datagrams=100)
    on = [arena.injector.check(one.fault_id)[0] for one in (delay, more, twice, rate)]
    arena.injector.lift(delay.fault_id)
    half = asked()
    arena.injector.lift_all()

    assert on == [True] * 4
    assert _near(everything.stream_s, 0.2)
    assert everything.copies > 10
    assert _near(half.stream_s, 0.1)
    assert replace(asked(), connect_s=0, stream_s=0, datagram_s=0, transfer_s=0).copies == 0


def test_a_second_bandwidth_on_the_same_device_goes_through_the_queue(place):
    arena, *_ = place
    arena.inject("bandwidth", rate="20mbit")
    done = arena.inject("bandwidth", rate="2mbit")
    evidence = _evidence_of(arena, done)
    arena.injector.lift_all()

    assert "measured 2 Mbit/s" in evidence
    assert "through NFQUEUE: another fault has shaped eth0" in evidence


def test_a_foreign_qdisc_is_refused_and_stays(place):
    arena, web, _ = place
    _tc(arena, web, "add dev eth0 root handle 1: tbf rate 900mbit burst 100kb limit 1mb")
    try:
        with pytest.raises(FaultRefused, match=r"somebody else's \(tbf 1:\), which is not ours"):
            arena.inject("bandwidth", rate="2mbit")
        assert "tbf 1:" in _tc(arena, web, "show dev eth0")
    finally:
        _tc(arena, web, "del dev eth0 root")


def _tc(arena, web, words):
    return arena.client.containers.run(
        BASE,
        ["tc", "qdisc", *words.split()],
        network_mode=f"container:{web.id}",
        cap_add=["NET_ADMIN"],
        labels=arena.labels,
        remove=True,
    ).decode()


def test_when_the_helper_dies_packets_go_through_and_the_check_says_so(place, asked):
    arena, *_ = place
    done = arena.inject("latency", delay="300ms")
    (helper,) = _helpers(arena)
    subprocess.run(["kill", "-9", helper], check=True)

    assert wait_until(lambda: not _helpers(arena), timeout_s=5)
    assert asked().stream_s < 0.1
    assert not arena.injector.check(done.fault_id)[0]


def _helpers(arena):
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    )
    lines = [one for one in listed.stdout.splitlines() if f"chaoskit:{arena.run_id}/" in one]
    return [one.split()[0] for one in lines if "programs.queue" in one]


def test_a_busy_connection_loses_nothing_in_the_queue(place, asked):
    arena, *_ = place
    done = arena.inject("latency", delay="20ms")
    seen = asked(size=10_000_000, datagrams=2000, gap_s=0)
    on, evidence = arena.injector.check(done.fault_id)

    assert seen.whole
    assert seen.transfer_s < 8  # held in the kernel, a connection would carry 0.5 MB/s
    assert seen.datagrams == 2000
    assert on, evidence
    assert re.search(r" 0 let through unharmed", evidence)


def test_an_instance_that_restarts_comes_back_unharmed(arena):
    web = arena.add("web", restart="always")
    arena.add("db")
    before = pid_of(web)
    held = [arena.inject(name, **arguments) for name, arguments in TWO_WAYS]
    arena.inject("crash")
    assert wait_until(lambda: pid_of(web) not in {0, before}, timeout_s=20)

    assert not any(arena.injector.check(one.fault_id)[0] for one in held)
    assert all("gone" in one.evidence for one in arena.injector.lift_all())
    assert _helpers(arena) == []


TWO_WAYS = [("latency", {"delay": "200ms"}), ("bandwidth", {"rate": "9mbit"})]


@pytest.mark.parametrize(
    ("name", "arguments", "bites"),
    [
        pytest.param(
            "latency", {"delay": "200ms"}, lambda seen: seen.stream_s > 0.15, id="latency"
        ),
        pytest.param(
            "bandwidth", {"rate": "1mbit"}, lambda seen: seen.transfer_s > 0.3, id="bandwidth"
        ),
    ],
)
def test_it_bites_and_lifts_even_after_the_agent_was_killed_and_leaves_nothing(
    place, name, arguments, bites
):
    arena, web, address = place
    arena.injector.lift_all()

    prove_fault(name, arguments, arena=arena, bites=lambda _: bites(ask(web, address)))
