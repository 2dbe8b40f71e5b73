"""Packets in bytes and what becomes of them: netlink, checksums, fates, and their measure."""

import socket
import statistics
import struct
from random import Random

import pytest

from chaoskit.agent.kind import Refused
from chaoskit.agent.network import ipv4, netlink, nfqueue
from chaoskit.agent.network.ends import End
from chaoskit.agent.network.fate import Decider, corrupted, waits
from chaoskit.agent.proof import promise, traffic


def packet(protocol=ipv4.UDP, contents=b"hello there", source_port=1000, flags=0x4000):
    """A whole IPv4 packet with right checksums."""
    header = {ipv4.UDP: 8, ipv4.TCP: 20}.get(protocol, 0)
    total = 20 + header + len(contents)
    ip = struct.pack(
        ">BBHHHBBH4s4s",
        *(0x45, 0, total, 1, flags, 64, protocol, 0, b"\x0a\0\0\1", b"\x0a\0\0\2"),
    )
    if protocol == ipv4.UDP:
        transport = struct.pack(">HHHH", source_port, 53, 8 + len(contents), 0)
    elif protocol == ipv4.TCP:
        transport = struct.pack(">HHIIBBHHH", source_port, 80, 1, 1, 5 << 4, 0x18, 512, 0, 0)
    else:
        transport = b""
    return ipv4.mended(ip + transport + contents)


def is_right(data):
    """Whether the transport checksum is right: the sum over everything is then zero."""
    body = data[20:]
    pseudo = data[12:20] + bytes((0, data[9])) + struct.pack(">H", len(body))
    return ipv4.checksum(pseudo + body) == 0


def test_a_message_and_its_attributes_are_read_back_as_written():
    body = b"\0\0\0\0" + netlink.attribute(1, b"abc") + netlink.attribute(0x8002, b"defgh")
    written = netlink.message(0x300, body) + netlink.message(netlink.ERROR, b"\xf0\xff\xff\xff")
    (first, one), (second, other) = netlink.messages(written)

    assert (first, second) == (0x300, netlink.ERROR)
    assert netlink.attributes(one, 4) == {1: b"abc", 2: b"defgh"}
    assert netlink.error_number(other) == 16


@pytest.mark.parametrize("cut", [1, 3, 17, 20])
def test_a_torn_message_is_not_read(cut):
    whole = netlink.message(5, netlink.attribute(1, b"abcdefgh"))

    assert list(netlink.messages(whole[:-cut])) == []
    assert netlink.attributes(b"\x02\0\1\0") == {}


def test_each_queue_has_a_mark_bit_of_its_own():
    numbers = range(nfqueue.FIRST_NUMBER, nfqueue.FIRST_NUMBER + nfqueue.MOST)
    bits = [nfqueue.bit_of(one) for one in numbers]

    assert len(set(bits)) == nfqueue.MOST
    assert all(one.bit_count() == 1 and one < 1 << 31 for one in bits)


def test_the_checksum_is_that_of_the_example_in_rfc_1071():
    assert ipv4.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert ipv4.checksum(b"") == ipv4.checksum(b"\0\0") == 0xFFFF


@pytest.mark.parametrize("protocol", [ipv4.TCP, ipv4.UDP])
@pytest.mark.parametrize("contents", [b"odd", b"even", bytes(100)])
def test_a_mended_packet_has_a_right_checksum(protocol, contents):
    assert is_right(packet(protocol, contents))


def test_a_fragment_and_what_has_no_such_checksum_are_left_alone():
    fragment = packet(flags=0x2000)
    echo = packet(protocol=1)

    assert ipv4.mended(fragment) == fragment
    assert ipv4.mended(echo) == echo


@pytest.mark.parametrize("protocol", [ipv4.TCP, ipv4.UDP])
def test_a_corrupted_packet_differs_in_one_bit_of_its_contents_and_its_checksum_is_wrong(protocol):
    whole = packet(protocol)
    other = corrupted(whole, Random(1), silent=False)
    changed = [(a ^ b).bit_count() for a, b in zip(whole, other, strict=True)]

    assert sum(changed) == 1
    assert not any(changed[: ipv4.contents_at(whole)])
    assert not is_right(other)


@pytest.mark.parametrize("protocol", [ipv4.TCP, ipv4.UDP])
def test_silent_corruption_has_a_right_checksum(protocol):
    whole = packet(protocol)
    other = corrupted(whole, Random(1), silent=True)

    assert other[ipv4.contents_at(whole) :] != whole[ipv4.contents_at(whole) :]
    assert is_right(other)


def test_a_packet_without_contents_is_spared_by_silent_corruption_only():
    bare = packet(ipv4.TCP, b"")

    assert corrupted(bare, Random(1), silent=True) is None
    assert not is_right(corrupted(bare, Random(1), silent=False))


def decider(**effect):
    return Decider(effect=effect, rng=Random(7))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("loss", "lost"),
        ("corrupt", "corrupted"),
        ("duplicate", "duplicated"),
        ("hold", "held_back"),
    ],
)
def test_a_share_happens_to_that_share(name, count):
    one = decider(**{name: 0.3, "hold_s": 0.01})
    for _ in range(2000):
        one.decide(packet(), 0.0)
    low, high = traffic.binomial_range(2000, 0.3)

    assert low <= getattr(one.counts, count) <= high
    assert one.counts.seen == 2000


def test_the_same_seed_decides_the_same():
    fates = [
        [one.decide(packet(), 0.0) for _ in range(100)]
        for one in (decider(loss=0.5, corrupt=0.5), decider(loss=0.5, corrupt=0.5))
    ]

    assert fates[0] == fates[1]


@pytest.mark.parametrize(
    ("distribution", "deviation"),
    [("uniform", 0.02 / 3**0.5), ("normal", 0.02), ("pareto", 0.02)],
)
def test_waits_have_the_promised_mean_and_spread(distribution, deviation):
    draw = waits({"delay_s": 0.1, "jitter_s": 0.02, "distribution": distribution}, Random(3))
    drawn = [draw() for _ in range(20_000)]

    assert statistics.fmean(drawn) == pytest.approx(0.1, rel=0.02)
    assert statistics.pstdev(drawn) == pytest.approx(deviation, rel=0.2)
    assert min(drawn) >= 0


def test_with_jitter_a_tcp_connection_keeps_its_order_and_others_do_not_wait_for_it():
    one = decider(delay_s=0.1, jitter_s=0.1)
    dues = [one.decide(packet(ipv4.TCP), number * 0.001).due_s for number in range(50)]
    others = [one.decide(packet(ipv4.TCP, source_port=at), 0.05).due_s for at in range(2000, 2020)]
    loose = [one.decide(packet(ipv4.UDP), number * 0.001).due_s for number in range(50)]

    assert dues == sorted(dues)
    assert min(others) < max(dues)
    assert loose != sorted(loose)


def test_a_line_lets_bytes_through_at_its_rate_and_drops_what_finds_no_room():
    size = len(packet(contents=bytes(958))) + 14  # a frame of 1,000 bytes
    one = decider(rate_bytes_per_s=10_000.0, room_bytes=3000)
    fates = [one.decide(packet(contents=bytes(958)), 0.0) for _ in range(5)]

    assert size == 1000
    assert [fate.due_s for fate in fates if not fate.lost] == pytest.approx([0.1, 0.2, 0.3])
    assert (one.counts.over_limit, one.counts.bytes) == (2, 3000)


def test_an_uncut_packet_takes_as_long_as_those_that_it_stands_for():
    header = packet(ipv4.TCP, b"")
    whole = header[:2] + struct.pack(">H", 52 + 10 * 1448) + header[4:]
    one = decider(rate_bytes_per_s=1_514_000.0, room_bytes=1e6)

    assert one.decide(whole, 0.0).due_s == pytest.approx(0.010, rel=0.001)


@pytest.mark.parametrize(
    ("count", "share", "low", "high"),
    [(10, 0.5, 1, 9), (300, 0.3, 70, 111), (5, 1.0, 5, 5), (5, 0.0, 0, 0), (100, 0.001, 0, 1)],
)
def test_the_binomial_interval_is_exact(count, share, low, high):
    assert traffic.binomial_range(count, share) == (low, high)


HERE = {"pid": 0, "witness": {"pid": 0, "address": "127.0.0.1", "local": "127.0.0.1"}}


@pytest.fixture
def one_network(monkeypatch):
    """Both ends on this machine's loopback: no namespace is entered."""

    def opened(self, kind, port=0):
        one = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        if kind == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((self.address, port))
        except OSError:
            one.close()
            raise
        return one

    monkeypatch.setattr(End, "socket", opened)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_round_trips_and_arrivals_on_a_good_path(one_network, protocol):
    assert len(traffic.round_trips(HERE, count=5, protocol=protocol)) == 5
    assert traffic.arrivals(HERE, count=20, protocol=protocol) == 20


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_transfer_on_a_good_path_has_a_rate(one_network, protocol):
    for direction in ("in", "out"):
        rate = traffic.rate(HERE, size_bytes=100_000, direction=direction, protocol=protocol)
        assert rate > 100_000


def test_a_volley_on_a_good_path_is_whole(one_network):
    found = traffic.volleys(HERE, count=30, tail=5)

    assert found == dict.fromkeys(
        ("out", "in"), traffic.Volley(sent=30, arrived=30, altered=0, copies=0, overtaken=0)
    )


def test_a_promise_that_is_not_kept_is_refused_with_both_numbers(one_network):
    rule = {"direction": "out", "peer": "any", "protocol": "all", "ports": []}
    params = {**HERE, "rules": [rule], "effect": {"delay_s": 0.05}}

    with pytest.raises(Refused, match=r"promised 50 ms, measured -?\d.* over 20 round trips"):
        promise.prove(params, promise.look(params))


@pytest.mark.parametrize("name", ["loss", "corrupt", "duplicate", "hold"])
def test_a_share_that_does_not_happen_is_refused(one_network, monkeypatch, name):
    monkeypatch.setattr(promise, "_TRIES", 1)
    rule = {"direction": "out", "peer": "any", "protocol": "all", "ports": []}
    params = {**HERE, "rules": [rule], "effect": {name: 0.3, "hold_s": 0.01}}

    with pytest.raises(Refused, match=r"promised 30 % \w+, measured 0\.0 %"):
        promise.prove(params, promise.look(params))


def test_without_a_witness_nothing_is_measured_and_the_evidence_says_so():
    params = {"pid": 0, "witness": {}, "rules": [], "effect": {"loss": 0.3}}

    assert promise.look(params) is None
    assert promise.prove(params, None).startswith("not measured: no other running instance")
