"""Every held fault is lifted under all weather: afterwards the state is as before, to the line.

One field of instances, one for each fault of the catalogue, is used for all weathers; after each of
them it must be whole again, so that the next one begins from it.
"""

import contextlib
import os
import signal

import docker.errors
import docker.types
import pytest

from chaoskit.errors import ChaoskitError
from chaoskit.run.clock import wait_until
from chaoskit.run.undo_log import UndoLog
from chaoskit.target.engine import COMPOSE_SERVICE
from chaoskit.testing.arena import opened, pid_of
from chaoskit.testing.field import Field, service_of
from chaoskit.testing.harness import PROMISE, broken

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

COME_BACK = ("bad_deploy", "crash_loop", "memory_limit")  # their instances start again and again
MOST_MISSED = 6  # faults that a busy machine may keep from what they promise, of some forty


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("weather")) as arena:
        yield Field(arena)


@pytest.fixture
def before(field):
    state = field.snapshot()
    yield state
    with contextlib.suppress(ChaoskitError):  # one weather's failure is not the next one's
        field.arena.injector.lift_all()
    field.arena.hand.close()
    field.hang_up()


def break_everything(field, but=()):
    """All faults at once, by this process; those that are in effect."""
    injector = field.arena.injector
    orders = [(name, arguments) for name, arguments in field.orders() if name not in but]
    tried = {name: broken(injector, name, arguments) for name, arguments in orders}
    may_miss({name: why for name, why in tried.items() if why})
    return [name for name, why in tried.items() if not why]


def may_miss(refused):
    """A fault may only be refused because it measured something else than it promised."""
    assert {name: why for name, why in refused.items() if PROMISE not in why} == {}
    assert len(refused) <= MOST_MISSED, refused


def lifted(field):
    """Lift everything and send the agents away."""
    field.arena.injector.lift_all()
    field.arena.hand.close()
    assert UndoLog(field.arena.folder).open_entries() == ()


def running(field):
    """pid → container, of the instances that run now."""
    return {pid: one for one in field.arena.project.containers() if (pid := pid_of(one))}


def lives(field):
    """service → the pid of its instance's main process."""
    return {one.labels[COMPOSE_SERVICE]: pid for pid, one in running(field).items()}


def test_in_fair_weather_every_fault_bites_and_leaves_nothing(field, before):
    born = lives(field)
    on = break_everything(field)
    during, alive = "\n".join(field.differences_now(before)), lives(field)
    unseen = [
        name
        for name in on
        if f"{service_of(name)}-1: " not in during
        # The engine may have healed it by the time one looks; the process is another one then.
        and not (name in COME_BACK and alive.get(service_of(name)) != born[service_of(name)])
    ]
    lifted(field)

    assert unseen == []
    assert field.differences(before) == []


def test_the_instances_crash_and_are_restarted_meanwhile(field, before):
    break_everything(field)
    frozen = {one.id for one in field.arena.project.containers() if one.status == "paused"}
    killed = running(field)
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):  # some crash all the time, without our help
            os.kill(pid, signal.SIGKILL)
    awaited = [one for pid, one in killed.items() if one.id not in frozen]
    wait_until(lambda: not killed.keys() & {pid_of(one) for one in awaited}, timeout_s=30)
    lifted(field)

    assert field.differences(before) == []


def test_the_agents_are_killed_meanwhile(field, before):
    break_everything(field)
    for agent in field.agents():
        agent.kill()
    lifted(field)

    assert field.differences(before) == []


def test_the_harness_is_killed(field, before):
    log = field.arena.folder / "keeper.log"
    with field.harness() as harness:
        held = harness.ready()
        harness.process.kill()
        harness.process.wait()
        assert wait_until(lambda: log.exists() and "done:" in log.read_text(), timeout_s=120)

    may_miss(harness.refused)
    assert held == len(field.faults) - len(harness.refused)
    assert UndoLog(field.arena.folder).open_entries() == ()
    assert field.differences(before) == []


def test_the_machine_sleeps_beyond_the_leases(field, before):
    with field.harness() as harness:
        harness.ready()
        may_miss(harness.refused)
        asleep = [harness.process.pid, *(pid_of(agent) for agent in field.agents())]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        assert not wait_until(lambda: len(field.agents()) == 0, timeout_s=2.0)
        for pid in reversed(asleep):
            os.kill(pid, signal.SIGCONT)
        harness.end()

    assert field.differences(before) == []


def test_the_instances_are_replaced_meanwhile(field, before):
    break_everything(field)
    for one in field.arena.project.containers():
        one.remove(force=True)
    for service in ["db", *map(service_of, field.faults)]:
        field.add(service)
    lifted(field)

    assert field.differences(before) == []


def test_the_network_is_removed_and_made_anew_meanwhile(field, before):
    break_everything(field, but=COME_BACK)
    arena, old = field.arena, field.arena.network
    subnet = old.attrs["IPAM"]["Config"][0]["Subnet"]
    assert wait_until(lambda: is_removed(old), timeout_s=30)
    pool = docker.types.IPAMPool(subnet=subnet)
    arena.network = arena.client.networks.create(
        old.name, labels=arena.labels, ipam=docker.types.IPAMConfig(pool_configs=[pool])
    )
    arena.network.reload()
    for one in arena.project.containers():
        if old.name not in one.attrs["NetworkSettings"]["Networks"]:
            arena.network.connect(one, ipv4_address=field.addresses[one.labels[COMPOSE_SERVICE]])
    lifted(field)
    for one in arena.project.containers():
        if one.status == "exited":  # the engine could not restart it while it had no network
            one.start()

    assert field.differences(before) == []


def is_removed(network):
    """Pull everybody off a network and remove it; some come back while we do, so it is asked again.

    Never by force: on a container that is about to end, the engine then loses count of its
    endpoints and keeps the network for ever.
    """
    network.reload()
    for member in network.attrs["Containers"]:
        with contextlib.suppress(docker.errors.APIError):
            network.disconnect(member)
    with contextlib.suppress(docker.errors.APIError):
        network.remove()
        return True
    return False
