"""The faults of the firewall as data: their rules, their refusals, and how they are measured."""

import contextlib
import os
import socket
from itertools import combinations
from random import Random

import pytest

from chaoskit.agent.kind import Refused
from chaoskit.agent.network import connections, firewall_rules
from chaoskit.agent.network.firewall_rules import written
from chaoskit.agent.proof import limit_proof, loss_proof
from chaoskit.agent.proof.traffic import Volley
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import catalogue, make
from chaoskit.model.faults import Instance

FAULTS = (
    "partition",
    "split",
    "blackhole",
    "loss",
    "connection_reset",
    "connection_limit",
    "half_open",
    "dependency",
)


def instance(name, number, *networks):
    addresses = {f"net{one}": f"10.{one}.0.{number}" for one in networks or (0,)}
    service = name.rpartition("-")[0]
    return Instance(id=f"id-{name}", name=name, service=service, pid=number, addresses=addresses)


class Site:
    def __init__(self, *instances):
        self._instances = instances

    def instances(self, service):
        found = [one for one in self._instances if one.service == service]
        if not found:
            message = f"no service {service!r}"
            raise FaultRefused(message)
        return found

    def services(self):
        return tuple(dict.fromkeys(one.service for one in self._instances))

    def missing(self, _kind):
        return ""


WEBS = [instance(f"web-{number}", number) for number in range(1, 6)]
LB = instance("lb-1", 21)
DB = instance("db-1", 31)
FAR = instance("far-1", 41, 7)
SITE = Site(*WEBS, LB, DB, FAR)


def operations(name, picked=WEBS[:1], site=SITE, **arguments):
    return make(name, {"service": "web", **arguments}).operations(picked, site)


def rules_of(name, **arguments):
    (operation,) = operations(name, **arguments)
    return operation.params["rules"]


def texts(*rules, **params):
    """The lines of rules, without the comment that each of them has."""
    lines = written({"rules": list(rules), "tag": "t", **params})
    return [line.text.replace(' -m comment --comment "chaoskit:t"', "") for line in lines]


@pytest.mark.parametrize("name", FAULTS)
def test_the_example_of_each_fault_makes_an_operation_of_the_firewall(name):
    fault = make(name, catalogue()[name].example)
    found = fault.operations(WEBS[:1], SITE)

    assert {one.kind for one in found} == {"firewall"}
    assert all(written({**one.params, "tag": "t"}) or "existing" in one.params for one in found)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({"peer": "10.0.0.2"}, ["INPUT -s 10.0.0.2/32 -j DROP"], id="a peer"),
        pytest.param(
            {"protocol": "udp", "ports": [53, 54]},
            ["INPUT ! -i lo -p udp -m multiport --ports 53,54 -j DROP"],
            id="ports of one protocol",
        ),
        pytest.param(
            {"ports": [53]},
            [
                "INPUT ! -i lo -p tcp -m multiport --ports 53 -j DROP",
                "INPUT ! -i lo -p udp -m multiport --ports 53 -j DROP",
            ],
            id="ports of both protocols",
        ),
        pytest.param(
            {"action": "reset"},
            [
                "INPUT ! -i lo -p tcp -m tcp ! --tcp-flags RST RST "
                "-j REJECT --reject-with tcp-reset",
                "INPUT ! -i lo -p udp -j REJECT --reject-with icmp-port-unreachable",
            ],
            id="a refusal is told in the protocol's own way",
        ),
        pytest.param(
            {"action": "reset", "protocol": "tcp", "first_only": True},
            ["INPUT ! -i lo -p tcp -m tcp --syn -j REJECT --reject-with tcp-reset"],
            id="only what begins a connection",
        ),
        pytest.param(
            {"action": "lose", "share": 0.3, "protocol": "udp"},
            [
                "INPUT ! -i lo -p udp -m statistic --mode random --probability 0.300000000 -j DROP",
                "INPUT ! -i lo -p udp",
            ],
            id="a share is counted before it is lost",
        ),
        pytest.param(
            {"action": "lose", "share": 0.3, "protocol": "udp", "direction": "out"},
            [
                "OUTPUT ! -o lo -p udp -m statistic --mode random --probability 0.300000000 "
                "-j NFQUEUE --queue-num 9",
                "OUTPUT ! -o lo -p udp",
            ],
            id="what goes out is lost without a word",
        ),
        pytest.param(
            {"action": "reset", "limit": 5, "protocol": "tcp", "ports": [80, 81]},
            [
                f"INPUT ! -i lo -p tcp -m multiport --ports {port} -m tcp --syn "
                "-m connlimit --connlimit-above 5 --connlimit-mask 0 --connlimit-saddr "
                "-j REJECT --reject-with tcp-reset"
                for port in (80, 81)
            ],
            id="a limit is one for each port",
        ),
        pytest.param(
            {"limit": 5, "protocol": "tcp", "each_peer": True, "direction": "out"},
            [
                "OUTPUT ! -o lo -p tcp -m tcp --syn "
                "-m connlimit --connlimit-above 5 --connlimit-mask 32 --connlimit-daddr -j DROP"
            ],
            id="a limit for each server",
        ),
    ],
)
def test_a_rule_is_written_as_iptables_reads_it(rule, expected):
    assert texts({"direction": "in", "peer": "any", **rule}, queue=9) == expected


def test_an_outgoing_loss_is_a_drop_where_packets_cannot_be_queued():
    rule = {"direction": "out", "peer": "any", "action": "lose", "share": 1}

    assert texts(rule, queue=None)[0].endswith("-j DROP")


def test_a_connection_has_a_rule_for_each_way():
    ends = ["10.0.0.1", 80, "10.0.0.2", 4000]

    assert texts(connections=[ends]) == [
        "OUTPUT -s 10.0.0.1/32 -d 10.0.0.2/32 -p tcp -m tcp --sport 80 --dport 4000 -j DROP",
        "INPUT -s 10.0.0.2/32 -d 10.0.0.1/32 -p tcp -m tcp --sport 4000 --dport 80 -j DROP",
    ]
    reset = texts(connections=[ends], existing={"action": "reset"})
    assert all("! --tcp-flags RST RST -j REJECT --reject-with tcp-reset" in one for one in reset)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"rules": [{"direction": "in", "peer": "any", "action": "melt"}]}, "choose from drop"),
        ({"rules": [], "connections": [["10.0.0.1; x", 1, "10.0.0.2", 2]]}, "not an IPv4 address"),
        ({"rules": [{"direction": "in", "peer": "any", "ports": [0]}]}, "each from 1 to 65535"),
    ],
)
def test_what_iptables_could_not_mean_never_reaches_it(params, words):
    with pytest.raises(Refused, match=words):
        written({"tag": "t", **params})


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("partition", {"from": "db", "port": 0}, "port: 0 is no port; choose from 1 to 65535"),
        ("partition", {"from": "db", "protocol": "icmp"}, "choose from all, tcp, udp"),
        ("loss", {"share": "130%"}, "share: 130% is more than everything; choose at most 100%"),
        ("loss", {"share": "0%"}, "no packet would be lost; choose a share above 0%"),
        ("loss", {"share": "0.3"}, "write a percentage, e.g. 30%"),
        ("blackhole", {"answer": "no"}, "choose from silence, refusal"),
        ("connection_reset", {"protocol": "udp"}, "'udp' has no connections; choose tcp here, or"),
        ("half_open", {"protocol": "all"}, "blackhole or loss for datagrams"),
        ("connection_reset", {"connections": "old"}, "choose from all, new, existing"),
        ("connection_limit", {"limit": 0}, "0 lets nobody in; choose at least 1, or"),
        ("connection_limit", {"limit": 1, "each": "port"}, "choose from instance, client"),
        ("dependency", {"to": "web"}, "is the service itself; choose another one, or the fault"),
        ("dependency", {"to": []}, "is not a service or a list of services"),
        ("dependency", {"to": "db", "answer": "no"}, "choose from silence, refusal"),
        ("split", {}, "give either groups or a shape, and not both"),
        ("split", {"shape": "ring", "groups": [["web"], ["db"]]}, "and not both"),
        ("split", {"shape": "star"}, "choose from majority, ring, islands"),
        ("split", {"groups": ["web", "db"]}, r"write \[\[web, lb\], \[db\]\]"),
        ("split", {"groups": [["web"], []]}, r"write \[\[web, lb\], \[db\]\]"),
        ("split", {"groups": [["web", "db"]]}, "one group is not split; name at least two"),
        ("split", {"groups": [["web"], ["db", "web"]]}, "web is named twice; name each once"),
        ("split", {"groups": [["lb"], ["db"]]}, "'web' is in none of them; put it into one"),
        ("split", {"shape": "ring", "peer": "db"}, "the groups say who is cut off"),
        ("split", {"shape": "ring", "direction": "in"}, "choose one_way: true"),
    ],
)
def test_impossible_arguments_are_refused_with_the_alternative(name, arguments, words):
    with pytest.raises(FaultRefused, match=words):
        make(name, {"service": "web", **arguments})


def test_a_partition_takes_instances_and_one_port():
    rules = rules_of("partition", **{"from": ["web-3", "db"], "port": 80, "protocol": "tcp"})

    assert {rule["peer"] for rule in rules} == {"10.0.0.3", "10.0.0.31"}
    assert {(rule["protocol"], *rule["ports"]) for rule in rules} == {("tcp", 80)}


def test_a_dependency_is_cut_at_both_ends():
    found = operations("dependency", WEBS[:2], to="db")

    assert [one.instance.name for one in found] == ["web-1", "web-2", "db-1"]
    assert {rule["peer"] for rule in found[2].params["rules"]} == {"10.0.0.1", "10.0.0.2"}
    assert {rule["direction"] for rule in found[0].params["rules"]} == {"in", "out"}


def test_a_dependency_that_refuses_does_so_at_the_far_end():
    found = operations("dependency", to="db", answer="refusal")

    assert {rule["direction"] for one in found for rule in one.params["rules"]} == {"in"}
    assert {rule["action"] for one in found for rule in one.params["rules"]} == {"reset"}


@pytest.mark.parametrize("name", ["dependency", "partition"])
def test_what_shares_no_network_cannot_be_cut(name):
    with pytest.raises(FaultRefused, match="shares no network with a running instance of far"):
        operations(name, **{"to" if name == "dependency" else "from": "far"})


def test_a_split_into_groups_that_never_met_is_refused():
    with pytest.raises(FaultRefused, match="share no network, so there is nothing to split"):
        operations("split", groups=[["web"], ["far"]])


def cuts(found):
    """Which pairs of addresses are cut, as each end has it: (ours, theirs, direction)."""
    return {
        (rule["local"], rule["peer"], rule["direction"])
        for one in found
        for rule in one.params["rules"]
    }


def pairs(found):
    return {frozenset(one[:2]) for one in cuts(found)}


def at(*numbers):
    return [f"10.0.0.{number}" for number in numbers]


def test_groups_are_cut_pair_by_pair_at_both_ends():
    found = operations("split", groups=[["web-1", "lb"], ["db"], ["web-2"]])
    expected = {
        frozenset(one)
        for one in [
            *(at(1, 31), at(1, 2), at(21, 31), at(21, 2), at(31, 2)),
        ]
    }

    assert pairs(found) == expected
    assert len(cuts(found)) == 4 * len(expected)


def test_an_instance_that_is_named_itself_is_not_where_its_service_is():
    found = operations("split", groups=[["web-1"], ["web"]])

    assert pairs(found) == {frozenset(at(1, other)) for other in (2, 3, 4, 5)}


def test_a_one_way_split_drops_only_what_goes_to_the_later_group():
    found = operations("split", groups=[["web-1"], ["db"]], one_way=True)

    assert cuts(found) == {("10.0.0.1", "10.0.0.31", "out"), ("10.0.0.31", "10.0.0.1", "in")}


def neighbours(found, count):
    everybody = set(at(*range(1, count + 1)))
    return {
        one: {other for other in everybody if frozenset((one, other)) not in pairs(found)}
        for one in everybody
    }


@pytest.mark.parametrize("count", range(4, 12))
def test_in_a_ring_each_sees_a_majority_and_no_two_the_same_one(count):
    ring = [instance(f"web-{number}", number) for number in range(1, count + 1)]
    seen = neighbours(operations("split", ring[:1], Site(*ring), shape="ring"), count)

    assert all(len(one) > count / 2 for one in seen.values())
    assert all(len(one) < count for one in seen.values())
    assert len({frozenset(one) for one in seen.values()}) == count


@pytest.mark.parametrize(("count", "minority"), [(3, 1), (4, 1), (5, 2)])
def test_a_majority_split_leaves_the_picked_one_in_the_largest_minority(count, minority):
    picked = [WEBS[count - 1]]
    found = operations("split", picked, Site(*WEBS[:count]), shape="majority")
    seen = neighbours(found, count)

    assert len(seen[f"10.0.0.{count}"]) == minority
    assert sorted(map(len, seen.values())) == sorted(
        [minority] * minority + [count - minority] * (count - minority)
    )


def test_islands_reach_nobody():
    found = operations("split", site=Site(*WEBS[:3]), shape="islands")

    assert pairs(found) == {frozenset(one) for one in combinations(at(1, 2, 3), 2)}


@pytest.mark.parametrize(("shape", "count"), [("majority", 2), ("ring", 3), ("islands", 1)])
def test_a_shape_of_too_few_instances_is_refused(shape, count):
    with pytest.raises(FaultRefused, match=f"it takes at least {count + 1}"):
        operations("split", site=Site(*WEBS[:count], LB), shape=shape)


def test_a_minority_of_more_than_half_is_refused():
    with pytest.raises(FaultRefused, match="5 are picked, and a minority is 2 at most"):
        operations("split", WEBS, Site(*WEBS), shape="majority")


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100000A:0050 0200000A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100000A:9C41 0300000A:1538 01 00000000:00000000 00:00000000 00000000     0        0 3
   3: 0100007F:0050 0100007F:9C42 01 00000000:00000000 00:00000000 00000000     0        0 4
   4: 0100000A:0050 0200000A:9C43 06 00000000:00000000 00:00000000 00000000     0        0 5
"""
MAPPED = """\
  sl  local_address                         remote_address                        st
   0: 0000000000000000FFFF00000100000A:1F90 0000000000000000FFFF00000200000A:9C44 01
   1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A
   2: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:9C45 01
"""


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """The connections of those tables."""
    (tmp_path / "tcp").write_text(TABLE)
    (tmp_path / "tcp6").write_text(MAPPED)
    monkeypatch.setattr(connections, "Path", lambda text: tmp_path / text.rpartition("/")[2])
    return connections.established(1)


def test_open_connections_are_read_with_who_opened_them(seen):
    assert [(one.ends, one.inwards) for one in seen] == [
        (("10.0.0.1", 80, "10.0.0.2", 40000), True),
        (("10.0.0.1", 40001, "10.0.0.3", 5432), False),
        (("10.0.0.1", 8080, "10.0.0.2", 40004), True),
    ]


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        ({"direction": "in"}, [80, 8080]),
        ({"direction": "out"}, [40001]),
        ({"direction": "out", "ports": [5432]}, [40001]),
        ({"direction": "in", "ports": [5432]}, []),
        ({"direction": "in", "peer": "10.0.0.3"}, []),
        ({"direction": "out", "peer": "10.0.0.3"}, [40001]),
    ],
)
def test_connections_are_chosen_by_who_opened_them_peer_and_the_servers_port(seen, rule, ports):
    found = connections.chosen(seen, [{"peer": "any", **rule}])

    assert [one.port for one in found] == ports


@pytest.fixture
def pair():
    """A connection on this machine, and the socket that listens."""
    with contextlib.ExitStack() as stack:
        ear = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        far = stack.enter_context(socket.create_connection(ear.getsockname()))
        near = stack.enter_context(ear.accept()[0])
        for one in (near, far, ear):
            one.settimeout(5)
        yield ear, near, far


def destroyed(ends):
    try:
        return connections.destroy(os.getpid(), [ends])
    except (OSError, Refused) as error:
        pytest.skip(f"this machine does not let us end connections: {error}")


def test_a_destroyed_connection_is_reset_at_the_other_end(pair):
    _, near, far = pair

    assert destroyed((*near.getsockname(), *far.getsockname())) == 1
    with pytest.raises(ConnectionAbortedError):
        near.recv(1)
    with pytest.raises(ConnectionResetError):
        far.recv(1)


def test_a_connection_that_is_gone_never_stands_for_the_listening_socket(pair):
    ear, near, _ = pair

    assert destroyed((*near.getsockname(), "127.0.0.1", 1)) == 0
    with socket.create_connection(ear.getsockname(), timeout=5) as fresh:
        answer, _ = ear.accept()
        with answer:
            fresh.send(b"x")
            assert answer.recv(1) == b"x"


SHARE = 0.3


def lossy(share, seed):
    """A path that loses this share, each packet by the throw of its own dice."""
    dice = Random(seed)

    def volleys(_params, *, count, directions, port):
        return {
            way: Volley(
                sent=count,
                arrived=sum(dice.random() >= share for _ in range(count)),
                altered=0,
                copies=0,
                overtaken=0,
            )
            for way in directions
        }

    return volleys


def loss_is_accepted(monkeypatch, share, seed):
    monkeypatch.setattr(loss_proof.traffic, "volleys", lossy(share, seed))
    rules = [
        {"direction": way, "peer": "any", "action": "lose", "share": SHARE} for way in ("in", "out")
    ]
    lines = firewall_rules.written({"rules": rules, "tag": "t"})
    try:
        (words,) = loss_proof.prove({}, lines)
    except Refused as refusal:
        words = str(refusal)
        assert words.startswith("the loss is not what was promised")
        return False
    assert "promised 30 %, measured" in words
    return True


def test_a_loss_that_keeps_its_promise_is_hardly_ever_refused(monkeypatch):
    accepted = [loss_is_accepted(monkeypatch, SHARE, seed) for seed in range(200)]

    assert sum(accepted) >= 195


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 1.0])
def test_a_loss_that_breaks_its_promise_is_refused(monkeypatch, share):
    assert not any(loss_is_accepted(monkeypatch, share, seed) for seed in range(20))


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        (101, contextlib.nullcontext()),
        (100, pytest.raises(Refused, match="so no limit can be tried out")),
    ],
)
def test_a_limit_is_tried_out_up_to_a_hundred_connections(limit, outcome):
    rule = {"direction": "in", "peer": "any", "protocol": "tcp", "limit": limit}
    with outcome:
        (words,) = limit_proof.prove({"pid": 1}, written({"rules": [rule], "tag": "t"}))

        assert words == "limit 101 for every port is listed; above 100 it is not tried out"


def test_without_a_share_nothing_is_measured():
    lines = written({"rules": [{"direction": "in", "peer": "any"}], "tag": "t"})

    assert loss_proof.prove({}, lines) == []
