"""Faults as data: what each comes down to, and what it refuses."""

import inspect

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.faults import partition
from chaoskit.faults.base import arguments_of, catalogue, make, parameters_of
from chaoskit.model.faults import Doer, Instance, Nature


def instance(name, *, pid=100, addresses=None, running=True):
    service = name.rpartition("-")[0]
    return Instance(
        id=f"id-{name}",
        name=name,
        service=service,
        pid=pid,
        addresses=addresses if addresses is not None else {"net": f"10.0.0.{pid}"},
        running=running,
    )


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


WEB = instance("web-1", pid=1, addresses={"p_front": "10.0.0.1", "p_back": "10.1.0.1"})
LB = instance("lb-1", pid=2, addresses={"p_front": "10.0.0.2"})
DB = instance("db-1", pid=3, addresses={"p_back": "10.1.0.3"})
SITE = Site(WEB, LB, DB)


def only_operation(name, **arguments):
    (operation,) = make(name, {"service": "web", **arguments}).operations([WEB], SITE)
    return operation


def test_the_shelf_holds_the_six_faults_and_nothing_else_of_ours():
    assert {"crash", "hang", "pause", "stop", "partition", "disconnect"} <= set(catalogue())
    assert "lifting" not in catalogue()
    assert "lift_all" not in catalogue()


@pytest.mark.parametrize("name", list(catalogue()))
def test_every_fault_says_what_it_does_how_it_is_undone_and_what_it_cannot(name):
    told = inspect.getdoc(catalogue()[name])

    for heading in ("What:", "Mechanism:", "Undo:", "Limits:"):
        assert heading in told


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "doer", "params"),
    [
        ("crash", {}, "signal", Doer.AGENT, {"signal": "KILL", "scope": "main"}),
        ("hang", {}, "signal", Doer.AGENT, {"signal": "STOP", "scope": "all"}),
        ("hang", {"scope": "main"}, "signal", Doer.AGENT, {"signal": "STOP", "scope": "main"}),
        ("pause", {}, "pause", Doer.ENGINE, {}),
        ("stop", {"grace": "1500ms"}, "stop", Doer.ENGINE, {"grace_s": 2}),
        ("disconnect", {"network": "back"}, "disconnect", Doer.ENGINE, {"network": "p_back"}),
        ("disconnect", {"network": "p_back"}, "disconnect", Doer.ENGINE, {"network": "p_back"}),
    ],
)
def test_each_fault_comes_down_to_its_operation(name, arguments, kind, doer, params):
    operation = only_operation(name, **arguments)

    assert (operation.kind, operation.doer, operation.params) == (kind, doer, params)
    assert operation.instance is WEB


def test_only_a_crash_is_struck():
    struck = {name for name, kind in catalogue().items() if kind.nature is Nature.STRUCK}

    assert "crash" in struck
    assert struck.isdisjoint({"hang", "pause", "stop", "partition", "disconnect"})


@pytest.mark.parametrize(
    ("direction", "expected"), [("both", ["in", "out"]), ("in", ["in"]), ("out", ["out"])]
)
def test_a_partition_has_one_rule_for_each_direction(direction, expected):
    rules = only_operation("partition", **{"from": "lb", "direction": direction}).params["rules"]

    assert [rule["direction"] for rule in rules] == expected
    assert {rule["peer"] for rule in rules} == {"10.0.0.2"}
    assert {rule["local"] for rule in rules} == {"10.0.0.1"}
    assert {rule["peer_pid"] for rule in rules} == {2}


def test_a_partition_covers_every_service_and_every_shared_network():
    rules = only_operation("partition", **{"from": ["lb", "db"], "direction": "in"}).params["rules"]

    assert [rule["peer"] for rule in rules] == ["10.0.0.2", "10.1.0.3"]


def test_a_partition_of_a_service_from_itself_spares_the_instance():
    other = instance("web-2", pid=9, addresses={"p_front": "10.0.0.9"})
    fault = make("partition", {"service": "web", "from": "web", "direction": "in"})
    (operation,) = fault.operations([WEB], Site(WEB, other))

    assert [rule["peer"] for rule in operation.params["rules"]] == ["10.0.0.9"]


def test_a_partition_from_somebody_who_shares_no_network_is_refused():
    stranger = instance("lb-1", addresses={"elsewhere": "10.9.0.1"})
    fault = make("partition", {"service": "web", "from": "lb"})

    with pytest.raises(FaultRefused, match="web-1 shares no network with a running instance of lb"):
        fault.operations([WEB], Site(WEB, stranger))


@pytest.mark.parametrize("network", [None, "nowhere"])
def test_a_disconnect_that_could_mean_several_networks_or_none_is_refused(network):
    with pytest.raises(FaultRefused, match="it is on: p_back, p_front"):
        only_operation("disconnect", network=network)


def test_the_argument_is_called_from_although_python_reserves_the_word():
    signature = inspect.signature(partition.inject)

    signature.bind(service="web", **{"from": "lb"})
    assert "from" in signature.parameters
    assert parameters_of(partition.Partition)["from"].name == "peer"
    with pytest.raises(TypeError, match="missing a required argument: 'from'"):
        signature.bind(service="web")


@pytest.mark.parametrize("name", list(catalogue()))
def test_a_fault_is_rebuilt_from_its_arguments(name):
    fault = make(name, catalogue()[name].example)

    assert make(name, arguments_of(fault)) == fault


def test_every_wrong_argument_is_told_at_once():
    with pytest.raises(FaultRefused) as refused:
        make("partition", {"frm": "lb", "servce": "web"})

    for word in ("'frm'", "'servce'", "service is missing", "from is missing", "direction"):
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("hang", {"scope": "half"}, "scope: 'half'; choose from all, main"),
        ("hang", {"duration": "5"}, "duration: '5' is not a duration"),
        ("stop", {"grace": "2h"}, "above one minute"),
        ("partition", {"from": "lb", "direction": "up"}, "choose from both, in, out"),
        ("partition", {"from": []}, "is not a service or a list of services"),
        ("partition", {"from": [3]}, "is not a service or a list of services"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_what_is_allowed(name, arguments, words):
    with pytest.raises(FaultRefused, match=words):
        make(name, {"service": "web", **arguments})
