"""What doctor says about each fault, from what the agents say about its mechanisms."""

import pytest

from chaoskit.agent.kinds import KINDS
from chaoskit.errors import EnvironmentUnfit
from chaoskit.faults.base import catalogue
from chaoskit.run.fault_checks import fault_checks
from chaoskit.target.checks import Status


class Machine:
    """Agents on a machine that lacks some kinds; no agent at all starts where it has no engine."""

    def __init__(self, lacks=(), *, engine=True):
        self.lacks = lacks
        self.engine = engine

    def missing(self, kind):
        if not self.engine:
            message = "no agent can be started"
            raise EnvironmentUnfit(message)
        return "the kernel has no such thing" if kind in self.lacks else ""


def examined(machine):
    return {one.id: one for one in fault_checks(machine)}


def test_without_agents_nothing_is_claimed():
    (only,) = fault_checks(None)

    assert only.status is Status.UNKNOWN
    assert only.fix == "chaoskit doctor --full"


def test_every_fault_has_a_check_of_its_own():
    found = examined(Machine())

    assert list(found) == [f"Fault:{name}" for name in catalogue()]
    there = {name for name, kind in catalogue().items() if kind.in_cluster}
    for name in catalogue():
        status = Status.UNKNOWN if name in there else Status.OK  # a cluster is asked by a run
        assert found[f"Fault:{name}"].status is status
    assert found["Fault:crash"].evidence == "available, through signal (the agent)"
    assert found["Fault:pause"].evidence == "available, through pause (the engine)"


def test_a_fault_with_several_mechanisms_names_the_best_that_works_here():
    best = examined(Machine())["Fault:latency"]
    second = examined(Machine({"netem"}))["Fault:latency"]
    none = examined(Machine({"netem", "queue"}))["Fault:latency"]

    assert best.evidence == "available, through netem (the agent); queue works, too"
    assert second.evidence == (
        "available, through queue (the agent); netem does not work here: "
        "the kernel has no such thing"
    )
    assert none.status is Status.WARN
    assert none.evidence == (
        "not available: netem: the kernel has no such thing; queue: the kernel has no such thing"
    )


@pytest.mark.parametrize("name", [one for one in catalogue() if catalogue()[one].needs])
def test_a_fault_whose_mechanism_is_missing_says_why_and_what_mends_it(name):
    needs = [one for one in catalogue()[name].needs if one in KINDS]
    if not needs:
        return
    check = examined(Machine(set(needs)))[f"Fault:{name}"]

    assert check.status is Status.WARN
    assert "the kernel has no such thing" in check.evidence
    assert check.fix
    assert check.why


def test_agents_that_do_not_start_are_one_reason_and_no_traceback():
    found = examined(Machine(engine=False))

    assert found["Fault:loss"].evidence == "not available: no agent can be started"
    assert found["Fault:pause"].status is Status.OK
