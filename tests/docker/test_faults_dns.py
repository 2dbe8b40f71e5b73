"""Name resolution faults with real resolvers: glibc's, and one that keeps its socket open."""

import time

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.testing.arena import address_of, opened, pid_of

pytestmark = pytest.mark.docker

LOOKUP = """
import json, socket, sys, time
begun = time.monotonic()
try:
    found = sorted({one[4][0] for one in socket.getaddrinfo(sys.argv[1], None, socket.AF_INET)})
except OSError as error:
    found = str(error)
print(json.dumps([found, time.monotonic() - begun]))
"""

# One UDP socket for ever, as HAProxy's and c-ares' resolvers have: it asks when a line comes.
KEEPER = """
import pathlib, socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.2)
s.connect(("127.0.0.11", 53))
name = b"".join(bytes([len(one)]) + one for one in [b"db"])
for number in range(1, 60000):
    s.send(struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + name + struct.pack(">BHH", 0, 1, 1))
    try:
        data = s.recv(4096)
        said = f"{data[3] & 15} {data[7]}"
    except OSError:
        said = "silence"
    new = pathlib.Path("/tmp/said.new")
    new.write_text(f"{number} {said}")
    new.rename("/tmp/said")
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("dns")) as one:
        yield one


@pytest.fixture(scope="module")
def containers(arena):
    """web asks; db and cache are what it asks for."""
    found = {"web": arena.add("web")}
    for name in ("db", "cache"):
        found[name] = arena.add(name)
        arena.network.disconnect(found[name])
        arena.network.connect(found[name], aliases=[name])
    return found


@pytest.fixture
def web(arena, containers):
    yield containers["web"]
    arena.injector.lift_all()


def look_up(web, name):
    """What glibc finds for a name: the addresses or its error, and how long it took."""
    import json

    done = web.exec_run(["python3", "-c", LOOKUP, name])
    return json.loads(done.output)


def state(arena, web):
    """Everything of the instance's network that a DNS fault could leave: rules, sockets."""
    rules = web.exec_run(["iptables-save"], privileged=True).output.decode()
    kept = [one for one in rules.splitlines() if one.startswith("-")]
    sockets = web.exec_run(["cat", "/proc/net/udp", "/proc/net/tcp"]).output.decode()
    listening = [one.split()[1] for one in sockets.splitlines() if " 0A " in one or " 07 " in one]
    return sorted(kept), sorted(listening)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("nxdomain", "Name or service not known"),
        ("servfail", "Temporary failure in name resolution"),
        ("refused", "Temporary failure in name resolution"),
    ],
)
def test_a_name_fails_as_promised_and_the_others_do_not(arena, containers, web, mode, words):
    db, cache = address_of(containers["db"]), address_of(containers["cache"])
    before = state(arena, web)
    assert look_up(web, "db")[0] == [db]
    done = arena.inject("dns_failure", names="db", mode=mode)

    assert words in look_up(web, "db")[0]
    assert look_up(web, "cache")[0] == [cache]
    assert look_up(containers["cache"], "db")[0] == [db]
    assert f"by UDP and TCP got {mode}" in done.evidence[0]
    assert "passed byte for byte" in done.evidence[0]
    assert arena.injector.check(done.fault_id)[0]
    (gone,) = arena.injector.lift(done.fault_id)
    assert "2 rules removed, 0 left; 1 proxy ended" in gone.evidence
    assert look_up(web, "db")[0] == [db]
    assert state(arena, web) == before


def test_a_silent_name_server_is_waited_for(arena, containers, web):
    done = arena.inject("dns_failure", names="d*", mode="timeout")
    ask = ["timeout", "1", "getent", "hosts", "db"]

    assert web.exec_run(ask).exit_code == 124
    assert web.exec_run(["timeout", "1", "getent", "hosts", "cache"]).exit_code == 0
    arena.injector.lift(done.fault_id)
    assert web.exec_run(ask).exit_code == 0


def test_slow_answers_come_as_late_as_promised(arena, containers, web):
    done = arena.inject("dns_slow", names="db", delay="400ms")
    found, took_s = look_up(web, "db")

    assert found == [address_of(containers["db"])]
    assert took_s >= 0.4
    assert "promised 400 ms, measured " in done.evidence[0]
    arena.injector.lift(done.fault_id)
    assert wait_until(lambda: look_up(web, "db")[1] < 0.4, timeout_s=10)


def test_a_wrong_answer_is_that_of_another_service(arena, containers, web):
    done = arena.inject("dns_wrong", names="db", answers=["192.0.2.7", "cache"])

    wanted = sorted(["192.0.2.7", address_of(containers["cache"])])
    assert look_up(web, "db")[0] == wanted
    assert look_up(web, "cache")[0] == [address_of(containers["cache"])]
    arena.injector.lift(done.fault_id)
    assert look_up(web, "db")[0] == [address_of(containers["db"])]


def test_two_dns_faults_at_once_both_hold_and_end_one_by_one(arena, containers, web):
    db, cache = address_of(containers["db"]), address_of(containers["cache"])
    first = arena.inject("dns_failure", names="db")
    second = arena.inject("dns_wrong", names="cache", answers="192.0.2.9")
    third = arena.inject("dns_slow", names="cache", delay="100ms")

    assert "not known" in look_up(web, "db")[0]
    found, took_s = look_up(web, "cache")
    assert (found, took_s >= 0.1) == (["192.0.2.9"], True)
    arena.injector.lift(second.fault_id)
    found, took_s = look_up(web, "cache")
    assert (found, took_s >= 0.1) == ([cache], True)
    assert "not known" in look_up(web, "db")[0]
    arena.injector.lift(first.fault_id)
    assert look_up(web, "db")[0] == [db]
    arena.injector.lift(third.fault_id)
    assert wait_until(lambda: look_up(web, "cache")[1] < 0.1, timeout_s=10)


def test_a_resolver_that_keeps_its_socket_is_reached_and_released(arena, containers, web):
    web.exec_run(["python3", "-c", KEEPER], detach=True)

    def said():
        number, _, words = web.exec_run(["cat", "/tmp/said"]).output.decode().partition(" ")
        return words if number.isdigit() else ""

    assert wait_until(lambda: said() == "0 1", timeout_s=5)
    done = arena.inject("dns_failure", names="db", mode="servfail")
    assert wait_until(lambda: said() == "2 0", timeout_s=2), said()
    arena.injector.lift(done.fault_id)
    assert wait_until(lambda: said() == "0 1", timeout_s=2), said()


def test_a_killed_agent_leaves_nothing_that_its_successor_does_not_lift(arena, containers, web):
    before = state(arena, web)
    arena.inject("dns_failure", names="db")
    agent = arena.hand.ready("dns")
    arena.client.containers.get(agent.container_id).kill()
    assert wait_until(lambda: not agent.alive, timeout_s=5)
    (gone,) = arena.injector.lift_all()

    assert "2 rules removed, 0 left" in gone.evidence
    assert state(arena, web) == before
    assert look_up(web, "db")[0] == [address_of(containers["db"])]


def test_a_delay_that_cannot_be_measured_is_refused_and_undone(arena, containers, web):
    before = state(arena, web)
    silence = arena.inject("dns_failure", names="db", mode="timeout")
    with pytest.raises(FaultRefused, match="a delay cannot be measured; name one"):
        arena.inject("dns_slow", names="db", delay="20ms")

    arena.injector.lift(silence.fault_id)
    assert state(arena, web) == before


def test_a_short_delay_is_kept_as_well(arena, containers, web):
    done = arena.inject("dns_slow", names="db", delay="20ms")

    assert "promised 20 ms, measured " in done.evidence[0]


def test_an_instance_that_was_removed_takes_its_dns_fault_along(arena, containers):
    other = arena.add("other")
    arena.inject("dns_failure", service="other", names="db")
    pid = pid_of(other)
    other.remove(force=True)
    begun = time.monotonic()
    (gone,) = arena.injector.lift_all()

    assert "the instance is gone" in gone.evidence
    assert "1 proxy ended" in gone.evidence
    assert pid
    assert time.monotonic() - begun < 5
