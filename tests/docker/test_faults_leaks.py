"""Leaks on real containers: they grow as promised, do harm when it is due, and leave nothing."""

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.model.timeline import NS, MarkKind
from chaoskit.run.clock import now_ns, wait_until
from chaoskit.testing import prove_fault
from tests.docker.arena import pid_of, serves, state_of
from tests.docker.test_faults_resources import helpers, look, used

pytestmark = pytest.mark.docker

MIB = 1 << 20


def harm_due_ns(arena):
    (effect,) = [one for one in arena.marks if one.kind is MarkKind.IN_EFFECT]
    return effect.data["harm_due_ns"]


def free(container, path):
    script = f"import os; s = os.statvfs({path!r}); print(s.f_bavail * s.f_frsize)"
    return int(container.exec_run(["python3", "-c", script]).output)


def test_memory_leaks_into_the_instances_group_and_is_given_back(arena):
    web = arena.add("web", mem_limit="256m")
    state, before = look(web), used(web, "memory")
    done = arena.inject("memory_leak", rate="16MiB")

    assert "promised 16.00 MiB a second" in done.evidence[0]
    assert wait_until(lambda: used(web, "memory") - before > 32 * MIB, timeout_s=10)
    assert serves(web)
    assert arena.injector.check(done.fault_id)[0]
    arena.injector.lift(done.fault_id)
    assert used(web, "memory") - before < 20 * MIB
    assert helpers(arena) == []
    assert look(web) == state


def test_a_memory_leak_ends_in_an_oom_kill_of_the_service_when_it_was_due(arena):
    web = arena.add("web", restart="always", mem_limit="64m", user="1000:1000")
    state, before = look(web), pid_of(web)
    done = arena.inject("memory_leak", rate="16MiB")

    assert wait_until(lambda: pid_of(web) not in {0, before}, timeout_s=15)
    late_s = (now_ns() - harm_due_ns(arena)) / NS
    assert -1 < late_s < 5
    assert wait_until(lambda: serves(web), timeout_s=10)
    assert not arena.injector.check(done.fault_id)[0]
    assert helpers(arena) == []
    arena.injector.lift(done.fault_id)
    assert look(web) == state


def test_a_leak_without_a_limit_is_due_to_harm_nobody(arena):
    arena.add("web")
    arena.inject("memory_leak", rate="1MiB")
    (effect,) = [one for one in arena.marks if one.kind is MarkKind.IN_EFFECT]

    assert "harm_due_ns" not in effect.data


def test_a_disk_fills_up_until_nothing_goes_and_is_emptied(arena):
    web = arena.add("web", tmpfs={"/small": "size=4m"})
    whole = free(web, "/small")
    done = arena.inject("disk_leak", path="/small", rate="2MiB")

    assert "4 MiB were left, used up in 2.0 s" in done.evidence[0]
    assert wait_until(lambda: free(web, "/small") == 0, timeout_s=10)
    assert abs(now_ns() - harm_due_ns(arena)) < 2 * NS
    assert arena.injector.check(done.fault_id)[0]
    arena.injector.lift(done.fault_id)
    assert free(web, "/small") == whole
    assert helpers(arena) == []


def test_a_restart_ends_a_disk_leak(arena):
    web = arena.add("web", restart="always", tmpfs={"/small": "size=4m"})
    done = arena.inject("disk_leak", path="/small", rate="256KiB")
    web.restart(timeout=0)

    assert wait_until(lambda: state_of(web) == "running" and serves(web), timeout_s=10)
    assert not arena.injector.check(done.fault_id)[0]
    assert free(web, "/small") == 4 * MIB
    arena.injector.lift(done.fault_id)


def test_the_engines_own_disk_is_not_filled(arena):
    arena.add("web")

    with pytest.raises(FaultRefused, match="on the engine's own disk"):
        arena.inject("disk_leak", path="/", rate="64KiB")


@pytest.mark.parametrize(
    ("fault", "arguments"),
    [
        ("memory_leak", {"service": "web", "rate": "32MiB"}),
        ("disk_leak", {"service": "web", "path": "/small", "rate": "1MiB"}),
    ],
)
def test_a_leak_is_lifted_even_when_its_agent_is_killed(arena, fault, arguments):
    web = arena.add("web", mem_limit="2g", tmpfs={"/small": "size=64m"})
    arena.add("db")
    before = used(web, "memory")

    def grown(_arena):
        return free(web, "/small") < 63 * MIB or used(web, "memory") - before > 24 * MIB

    prove_fault(fault, arguments, arena=arena, bites=grown)
