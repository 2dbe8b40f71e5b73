"""Every fault with a real engine: it bites, and afterwards it is gone."""

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.model.timeline import MarkKind
from chaoskit.run.clock import wait_until
from chaoskit.target.images import BASE
from tests.docker.arena import (
    accepts,
    address_of,
    pid_of,
    process_states,
    serves,
    state_of,
)

pytestmark = pytest.mark.docker


def test_a_crash_ends_the_process_and_the_restart_policy_brings_it_back(arena):
    web = arena.add("web", restart="always")
    before = pid_of(web)
    done = arena.inject("crash")

    assert done.instances == ("web-1",)
    assert wait_until(lambda: pid_of(web) not in {0, before}, timeout_s=20)
    assert wait_until(lambda: serves(web), timeout_s=10)
    assert web.attrs["RestartCount"] == 1
    assert arena.injector.held == ()


def test_docker_kill_is_the_trap_that_a_crash_avoids(arena):
    web = arena.add("web", restart="always")
    web.kill()

    assert not wait_until(lambda: state_of(web) == "running", timeout_s=3)
    assert web.attrs["RestartCount"] == 0


def test_a_crash_marks_when_it_was_ordered_and_when_it_was_proven(arena):
    arena.add("web")
    done = arena.inject("crash")

    ordered, effective = arena.marks
    assert (ordered.kind, effective.kind) == (MarkKind.INJECTED, MarkKind.IN_EFFECT)
    assert ordered.at_ns <= effective.at_ns == done.in_effect_ns
    assert "ended" in effective.detail


def test_a_hang_leaves_the_port_open_and_answers_nothing_until_it_is_lifted(arena):
    web = arena.add("web", restart="always")
    done = arena.inject("hang")

    assert set(process_states(web)) == {"T"}
    assert len(process_states(web)) == 2
    assert accepts(web)
    assert not serves(web)
    arena.injector.lift(done.fault_id)
    assert "T" not in process_states(web)
    assert wait_until(lambda: serves(web), timeout_s=5)
    assert web.attrs["RestartCount"] == 0


def test_a_hang_of_the_main_process_spares_its_children(arena):
    web = arena.add("web")
    arena.inject("hang", scope="main")

    assert sorted(process_states(web)) == ["S", "T"]


def test_a_hang_does_not_disarm_the_restart_policy(arena):
    web = arena.add("web", restart="always")
    before = pid_of(web)
    arena.injector.lift(arena.inject("hang").fault_id)
    arena.inject("crash")

    assert wait_until(lambda: pid_of(web) not in {0, before}, timeout_s=20)


def test_a_pause_freezes_and_is_thawed(arena):
    web = arena.add("web")
    done = arena.inject("pause")

    assert state_of(web) == "paused"
    assert not serves(web)
    arena.injector.lift(done.fault_id)
    assert state_of(web) == "running"
    assert serves(web)


def test_a_stop_stays_down_under_a_restart_policy_until_it_is_lifted(arena):
    web = arena.add("web", restart="always")
    done = arena.inject("stop", grace="2s")

    assert not wait_until(lambda: state_of(web) == "running", timeout_s=2)
    arena.injector.lift(done.fault_id)
    assert wait_until(lambda: serves(web), timeout_s=10)


def test_a_disconnect_takes_the_address_away_and_gives_the_same_one_back(arena):
    web, lb = arena.add("web"), arena.add("lb")
    before = address_of(web)
    done = arena.inject("disconnect", network="net")

    assert address_of(web) != before
    assert lb.exec_run(["python3", "-c", _connect(before)]).exit_code != 0
    arena.injector.lift(done.fault_id)
    assert address_of(web) == before
    assert arena.reaches(lb, web)


def _connect(address):
    return f"import socket; socket.create_connection(('{address}', 80), timeout=0.5)"


def test_a_disconnect_that_is_lifted_twice_or_by_somebody_else_is_fine(arena):
    web = arena.add("web")
    done = arena.inject("disconnect")
    arena.network.connect(web)
    (gone,) = arena.injector.lift(done.fault_id)

    assert "connected to" in gone.evidence


@pytest.mark.parametrize(
    ("direction", "into_web", "out_of_web"),
    [("both", False, False), ("in", False, True), ("out", True, False)],
)
def test_a_partition_cuts_exactly_the_directions_that_it_names(
    arena, direction, into_web, out_of_web
):
    web, lb, other = arena.add("web"), arena.add("lb"), arena.add("other")
    assert arena.reaches(lb, web)
    done = arena.inject("partition", **{"from": "lb", "direction": direction})

    assert not arena.reaches(lb, web)
    assert arena.datagram_arrives(lb, web) is into_web
    assert arena.datagram_arrives(web, lb) is out_of_web
    assert arena.reaches(other, web)
    assert serves(web)
    arena.injector.lift(done.fault_id)
    assert arena.reaches(lb, web)
    assert arena.datagram_arrives(lb, web)
    assert arena.datagram_arrives(web, lb)


def test_a_partition_is_proven_by_listing_and_by_packets(arena):
    arena.add("web")
    arena.add("lb")
    (evidence,) = arena.inject("partition", **{"from": "lb"}).evidence

    assert "2 rules listed" in evidence
    assert "refused with EPERM" in evidence
    assert "counted as dropped" in evidence


def test_a_partition_never_touches_the_rules_of_the_engine(arena):
    web = arena.add("web")
    lb = arena.add("lb")
    before = _tables_of(arena, web)
    assert "DOCKER_OUTPUT" in before
    done = arena.inject("partition", **{"from": "lb"})
    during = _tables_of(arena, web)
    assert web.exec_run(["getent", "hosts", lb.name]).exit_code == 0
    arena.injector.lift(done.fault_id)
    after = _tables_of(arena, web)

    assert during.count(f"chaoskit:{arena.run_id}/f1.0") == 2
    assert "DOCKER_OUTPUT" in during
    assert _rules(after) == _rules(before)


def _tables_of(arena, container):
    """Every table of an instance's network, seen by somebody who is neither it nor the agent."""
    return arena.client.containers.run(
        BASE,
        ["iptables-nft-save"],
        network_mode=f"container:{container.id}",
        cap_add=["NET_ADMIN"],
        labels=arena.labels,
        remove=True,
    ).decode()


def _rules(tables):
    return [line for line in tables.splitlines() if line.startswith("-A")]


def test_two_partitions_at_once_are_lifted_one_by_one(arena):
    web, lb, db = arena.add("web"), arena.add("lb"), arena.add("db")
    first = arena.inject("partition", **{"from": "lb"})
    second = arena.inject("partition", **{"from": "db"})
    arena.injector.lift(first.fault_id)

    assert arena.reaches(lb, web)
    assert not arena.reaches(db, web)
    arena.injector.lift(second.fault_id)
    assert arena.reaches(db, web)


def test_all_instances_are_broken_and_mended_together(arena):
    webs = [arena.add("web", 1), arena.add("web", 2)]
    done = arena.inject("hang", pick="all")

    assert done.instances == ("web-1", "web-2")
    assert not any(serves(one, timeout_s=0.3) for one in webs)
    arena.injector.lift_all()
    assert all(wait_until(lambda one=one: serves(one), timeout_s=5) for one in webs)


def test_a_fault_that_one_instance_cannot_take_is_not_begun_on_any(arena):
    webs = [arena.add("web", 1), arena.add("web", 2)]
    arena.inject("hang", pick="web-2")

    with pytest.raises(FaultRefused, match="already stopped"):
        arena.inject("hang", pick="all")
    assert "T" not in process_states(webs[0])
    assert set(process_states(webs[1])) == {"T"}


def test_an_instance_that_is_already_so_by_somebody_else_is_refused(arena):
    web = arena.add("web")
    web.pause()

    with pytest.raises(FaultRefused, match="already so, by somebody else"):
        arena.inject("pause")
    assert state_of(web) == "paused"


def test_an_instance_that_was_replaced_counts_as_lifted(arena):
    web = arena.add("web")
    arena.add("lb")
    held = [
        arena.inject("partition", **{"from": "lb"}),
        arena.inject("hang"),
    ]
    web.remove(force=True)
    fresh = arena.add("web")
    gone = arena.injector.lift_all()

    assert len(gone) == len(held)
    assert all("gone" in one.evidence for one in gone)
    assert serves(fresh)


@pytest.mark.parametrize("name", ["pause", "stop", "disconnect"])
def test_a_container_that_is_gone_counts_as_lifted_by_the_engine_too(arena, name):
    web = arena.add("web")
    done = arena.inject(name)
    web.remove(force=True)

    assert "gone" in arena.injector.lift(done.fault_id)[0].evidence


def test_a_restarted_instance_has_lost_its_partition_and_check_says_so(arena):
    web = arena.add("web", restart="always")
    lb = arena.add("lb")
    before = pid_of(web)
    done = arena.inject("partition", **{"from": "lb"})
    assert arena.injector.check(done.fault_id)[0]
    arena.inject("crash")
    assert wait_until(lambda: pid_of(web) not in {0, before} and serves(web), timeout_s=20)

    assert not arena.injector.check(done.fault_id)[0]
    assert arena.reaches(lb, web)
    assert "gone" in arena.injector.lift(done.fault_id)[0].evidence
