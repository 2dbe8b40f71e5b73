"""The faults of packets before an agent is asked: what they mean, and what they refuse."""

import math
from types import SimpleNamespace

import pytest

from chaoskit.agent.kinds import netem, shaper
from chaoskit.agent.network.qdiscs import handle, is_ours
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import make
from chaoskit.model.faults import Instance
from chaoskit.model.quantities import parse_rate

WEB = Instance(id="a" * 64, name="web-1", service="web", pid=11, addresses={"net": "10.0.0.1"})
DB = Instance(id="b" * 64, name="db-1", service="db", pid=12, addresses={"net": "10.0.0.2"})


def site(**missing):
    """Two instances, on a machine that lacks some kinds."""
    there = {"web": [WEB], "db": [DB]}
    return SimpleNamespace(
        instances=there.__getitem__,
        services=lambda: list(there),
        missing=lambda kind: missing.get(kind, ""),
    )


def operation(name, machine=None, **arguments):
    fault = make(name, {"service": "web", **arguments})
    (one,) = fault.operations([WEB], machine or site())
    return one


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("latency", {"delay": "100"}, "delay: '100' is not a duration; write a number with a unit"),
        ("latency", {"delay": "0ms"}, "delay: 0ms would change nothing"),
        ("latency", {"delay": "10ms", "jitter": "11ms"}, "jitter: 11ms is above the delay, 10ms"),
        (
            "latency",
            {"delay": "10ms", "jitter": "4ms", "distribution": "normal"},
            "jitter: 4ms is above a third of the delay",
        ),
        (
            "latency",
            {"delay": "10ms", "distribution": "cauchy"},
            "distribution: 'cauchy' is unknown; choose from uniform, normal, pareto",
        ),
        ("latency", {"delay": "10ms", "direction": "up"}, "direction: 'up' is unknown"),
        ("corruption", {"share": "130%"}, "share: 130% is more than everything"),
        ("corruption", {"share": "1%", "silent": "maybe"}, "silent: 'maybe' is neither true nor"),
        ("duplication", {"share": "0%"}, "share: 0% would change nothing"),
        ("reordering", {"share": "100%"}, "share: 100% held back is no reordering"),
        ("reordering", {"share": "5%", "by": "1ms"}, "by: 1ms is too short to be overtaken in"),
        ("bandwidth", {"rate": "0mbit"}, "rate: 0mbit would change nothing"),
        ("bandwidth", {"rate": "2 MB/s"}, "rate: '2 MB/s' is not a rate; write a number with"),
        ("bandwidth", {"rate": "1kbit"}, "rate: 1kbit cannot be kept and measured; choose from"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_allowed(name, arguments, words):
    with pytest.raises(FaultRefused) as refusal:
        make(name, {"service": "web", **arguments})

    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["latency", "corruption", "duplication", "reordering", "bandwidth"]
)
def test_the_example_of_each_fault_is_possible(name):
    from chaoskit.faults.base import catalogue

    kind = catalogue()[name]
    (one,) = make(name, kind.example).operations([WEB], site())

    assert one.kind == kind.ways[0]
    assert one.params["witness"] == {"pid": 12, "address": "10.0.0.2", "local": "10.0.0.1"}


@pytest.mark.parametrize("direction", ["both", "in", "out"])
def test_a_round_trip_gets_the_delay_once_whichever_way_it_is_put(direction):
    one = operation("latency", delay="100ms", direction=direction)
    ways = {rule["direction"] for rule in one.params["rules"]}

    assert math.isclose(one.params["effect"]["delay_s"] * len(ways), 0.1)


@pytest.mark.parametrize(
    ("distribution", "each"), [("uniform", 0.01), ("normal", 0.02 / math.sqrt(2))]
)
def test_jitter_is_shared_out_so_that_the_sum_is_what_was_asked(distribution, each):
    one = operation("latency", delay="100ms", jitter="20ms", distribution=distribution)

    assert math.isclose(one.params["effect"]["jitter_s"], each)


def test_the_best_mechanism_that_works_is_taken_and_named():
    best = operation("latency", delay="100ms")
    other = operation("latency", site(netem="no netem"), delay="100ms", seed=5)

    assert (best.kind, best.mechanism) == (
        "netem",
        "netem of the kernel: 100ms a round trip, both",
    )
    assert (other.kind, other.params["seed"]) == ("queue", 5)
    assert other.mechanism == "packets through NFQUEUE: 100ms a round trip, both"


def test_a_machine_that_can_do_it_no_way_says_why_of_each():
    with pytest.raises(FaultRefused, match="netem: no qdisc; queue: no NFQUEUE"):
        operation("duplication", site(netem="no qdisc", queue="no NFQUEUE"), share="1%")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("corruption", {"share": "1%", "silent": True}),
        ("bandwidth", {"rate": "2mbit", "port": 80}),
        ("bandwidth", {"rate": "2mbit", "peer": "db"}),
    ],
)
def test_what_only_the_queue_can_do_goes_there(name, arguments):
    assert operation(name, **arguments).kind == "queue"


def test_a_rate_is_in_bits_and_leaves_room_for_some_packets():
    slow = operation("bandwidth", rate="64kbit").params["effect"]
    fast = operation("bandwidth", rate="8mbit").params["effect"]

    assert (slow["rate_bytes_per_s"], slow["room_bytes"]) == (8000, 15140)
    assert (fast["rate_bytes_per_s"], fast["room_bytes"]) == (1e6, 4e5)


@pytest.mark.parametrize(
    ("text", "bits"), [("64kbit", 64e3), ("2mbit", 2e6), ("1.5gbit", 1.5e9), ("9bit", 9)]
)
def test_rates_are_read_in_decimal_units(text, bits):
    assert parse_rate(text) == bits


ANYBODY = {"peer": "any", "protocol": "all", "ports": [], "direction": "out"}


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ({"delay_s": 0.05}, "delay 50000us"),
        ({"delay_s": 0.05, "jitter_s": 0.01}, "delay 50000us 10000us"),
        (
            {"delay_s": 0.05, "jitter_s": 0.01, "distribution": "normal"},
            "delay 50000us 10000us distribution normal",
        ),
        ({"loss": 0.3}, "loss 30%"),
        ({"corrupt": 0.001}, "corrupt 0.1%"),
        ({"duplicate": 0.2}, "duplicate 20%"),
        ({"hold": 0.25, "hold_s": 0.02}, "delay 20000us reorder 75%"),
    ],
)
def test_an_effect_in_the_words_of_netem(effect, words):
    assert netem.emulation({"effect": effect}) == f"netem limit 100000 {words}"


def test_everything_is_emulated_at_the_root():
    params = {"tag": "r/f1.0", "rules": [ANYBODY], "effect": {"loss": 0.1}}
    own = handle("r/f1.0")

    assert netem.commands(params, "eth0", "out") == [
        f"qdisc add dev eth0 root handle {own} netem limit 100000 loss 10%"
    ]


def test_what_is_filtered_goes_to_a_band_of_its_own_in_its_own_direction():
    meant = {"peer": "10.0.0.2", "protocol": "tcp", "ports": [80]}
    rules = [{**meant, "direction": way} for way in ("in", "out")]
    own = handle("r/f1.0")
    params = {"tag": "r/f1.0", "rules": rules, "effect": {"loss": 0.1}}
    said = netem.commands(params, "veth1", "in")

    assert said[0].startswith(f"qdisc add dev veth1 root handle {own} prio bands 2 priomap 0 0")
    assert said[1].startswith(f"qdisc add dev veth1 parent {own}2 handle c5")
    assert said[2:] == [
        f"filter add dev veth1 parent {own} protocol ip prio 1 u32 match ip src 10.0.0.2/32 "
        f"match ip protocol 6 0xff match ip {side} 80 0xffff flowid {own}2"
        for side in ("sport", "dport")
    ]


def test_a_bucket_has_the_rate_in_bits_and_room_for_a_burst():
    params = {"tag": "t", "effect": {"rate_bytes_per_s": 250e3, "room_bytes": 1e5}}
    (said,) = shaper.commands(params, "eth0", "out")

    assert said.endswith("tbf rate 2000000bit burst 3200 limit 100000")


@pytest.mark.parametrize(
    ("name", "ours"),
    [("c47f:", True), ("c400:", True), ("1:", False), ("c4:", False), ("0:", False)],
)
def test_only_handles_of_our_range_are_ours(name, ours):
    assert is_ours(name) is ours
    assert is_ours(handle("any/tag.0"))
