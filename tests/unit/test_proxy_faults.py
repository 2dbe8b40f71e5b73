"""The faults that go through the proxy: what they refuse, and what they ask the agent for."""

import pytest

from chaoskit.agent.kind import Refused
from chaoskit.agent.network import redirect
from chaoskit.agent.proof.proxy_proof import example_of
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import make
from chaoskit.model.faults import Instance

WEB = Instance(id="w" * 64, name="web-1", service="web", pid=11, addresses={"net": "10.0.0.2"})
DB = Instance(id="d" * 64, name="db-1", service="db", pid=12, addresses={"net": "10.0.0.3"})
ALL = ("http_abort", "http_body", "http_delay", "http_status", "slow_close")
MINIMAL = {
    "http_abort": {},
    "http_body": {"keep": "1KiB"},
    "http_delay": {"delay": "50ms"},
    "http_status": {},
    "slow_close": {},
}


class Site:
    """Two services on one network."""

    def instances(self, service):
        return {"web": [WEB], "db": [DB]}[service]

    def services(self):
        return ["web", "db"]

    def missing(self, kind):
        return ""


def made(name, **arguments):
    return make(name, {"service": "web", **MINIMAL[name], **arguments})


@pytest.mark.parametrize("name", ALL)
def test_the_example_can_be_made_and_names_its_mechanism(name):
    fault = make(name, type(made(name)).example)
    (operation,) = fault.operations([WEB], Site())

    assert operation.kind == "proxy"
    assert "proxy" in operation.mechanism
    assert operation.params["rules"][0]["ports"] == [80]
    assert operation.params["rules"][0]["protocol"] == "tcp"


WRONG = [
    ("http_status", {"protocol": "udp"}, "a proxy carries TCP only"),
    ("http_status", {"share": "130%"}, "share: '130%' is not a share"),
    ("http_status", {"share": 0}, "share: 0 hits no request"),
    ("http_status", {"first": 0}, "first: 0; give a whole number"),
    ("http_status", {"status": 101}, "status: 101 ends no exchange"),
    ("http_status", {"status": "503"}, "is not a number"),
    ("http_status", {"headers": {"Content-Length": "3"}}, "content-length is set by the answer"),
    ("http_status", {"headers": {"a": "b\r\nc: d"}}, "write names and values"),
    ("http_status", {"method": "get"}, "write it in capitals"),
    ("http_status", {"method": "CONNECT"}, "CONNECT opens a tunnel"),
    ("http_status", {"path": "api"}, "path: 'api'; write one that begins with /"),
    ("http_status", {"header": {"x y": "*"}}, "header: "),
    ("http_status", {"side": "both"}, "side: 'both'; choose from request, answer"),
    ("http_status", {"existing": "drop"}, "existing: 'drop'; choose from keep, reset"),
    ("http_status", {"existing": "reset"}, "existing: reset needs to know whose connections"),
    ("http_delay", {"delay": "0s"}, "delay: 0 changes nothing"),
    ("http_delay", {"delay": "soon"}, "delay: 'soon' is not a duration"),
    ("http_abort", {"how": "politely"}, "how: 'politely'; choose from reset, close"),
    ("http_body", {"change": "1%"}, "keep and change: give one of"),
    ("http_body", {"keep": "some"}, "keep: 'some' is not a size"),
    ("http_body", {"keep": None, "change": "0%"}, "change: 0 changes nothing"),
    ("http_body", {"method": "HEAD"}, "the answer to HEAD has no body"),
    ("slow_close", {"delay": "0s"}, "delay: 0 changes nothing"),
]


@pytest.mark.parametrize(("name", "arguments", "words"), WRONG)
def test_what_cannot_be_meant_is_refused_with_the_reason(name, arguments, words):
    with pytest.raises(FaultRefused) as refused:
        made(name, **arguments)

    assert words in str(refused.value)


def test_both_directions_and_peers_are_told_to_the_agent():
    fault = made("slow_close", direction="both", peer="db", port=[80, 81], existing="reset")
    (operation,) = fault.operations([WEB], Site())

    assert [(one["direction"], one["peer"]) for one in operation.params["rules"]] == [
        ("in", "10.0.0.3"),
        ("out", "10.0.0.3"),
    ]
    assert operation.params["witness"]["address"] == "10.0.0.3"


def rule(direction="in", peer="any", ports=(80,)):
    return {"direction": direction, "peer": peer, "protocol": "tcp", "ports": list(ports)}


def saved(*rules):
    return "\n".join(f"[0:0] -A {one}" for one in rules)


def test_each_further_proxy_has_a_slot_above_the_others_until_there_are_eight():
    table = []
    for slot in range(8):
        assert redirect.free_slot(saved(*table), [rule()]) == slot
        table += redirect.redirects([rule()], slot=slot, port=1000 + slot, tag=f"run/f{slot}.0")

    with pytest.raises(Refused, match="8 proxies are stacked"):
        redirect.free_slot(saved(*table), [rule()])
    with pytest.raises(Refused, match="8 proxies are stacked"):
        redirect.free_slot(saved(*table[-2:]), [rule()])


@pytest.mark.parametrize("upper", range(8))
def test_a_connection_from_a_proxy_meets_the_lower_ones_and_never_itself(upper):
    mark = redirect.mark_of(upper)
    met = [slot for slot in range(8) if not mark >> (16 + slot) & 1]

    assert met == list(range(upper))
    assert mark & ~redirect.FIELD == 0


def test_nothing_is_put_above_or_below_a_proxy_for_some_peers_only():
    table = redirect.redirects([rule(peer="10.0.0.3")], slot=0, port=1000, tag="run/f1.0")

    with pytest.raises(Refused, match="only some peers go through"):
        redirect.free_slot(saved(*table), [rule()])
    assert redirect.free_slot(saved(*table), [rule("out")]) == 1


def test_rules_of_others_take_no_slot():
    foreign = "OUTPUT -m mark ! --mark 0x10000/0x10000 -j REDIRECT --to-ports 15001"

    assert redirect.free_slot(saved(foreign), [rule()]) == 0


@pytest.mark.parametrize(
    ("pattern", "example"),
    [("/api/*", "/api/"), ("/v?/x", "/vx/x"), ("/[ab]*", "/a"), ("plain", "plain")],
)
def test_a_request_is_made_up_that_a_pattern_matches(pattern, example):
    assert example_of(pattern) == example
