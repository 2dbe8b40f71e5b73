"""The clock fault on real programs: what a server says the date is, and who is left alone."""

import email.utils
import re
import subprocess
import time
import urllib.request

import pytest

from chaoskit.agent import clocks
from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.target.engine import connect, instance_of
from tests.docker.fitted import Fitted

pytestmark = pytest.mark.docker

THEIRS = "/lib/x86_64-linux-gnu/libm.so.6"  # anything that a service may have a reason to preload
COMPOSE = f"""
services:
  web: &server
    image: chaoskit/base:bookworm
    command: [python3, -u, -m, http.server, "8080"]
    restart: always
    init: true
    environment: {{LD_PRELOAD: {THEIRS}}}
    deploy: {{replicas: 2}}
  front:
    <<: *server
    deploy: {{}}
  replaced:
    <<: *server
    deploy: {{}}
    init: false
    command: [env, LD_PRELOAD=, python3, -m, http.server, "8080"]
  static:
    build: ./static
    command: [busybox, sleep, "100000"]
"""
STATIC = """
FROM chaoskit/base:bookworm
RUN apt-get update -q && apt-get install -q -y --no-install-recommends busybox-static
"""
FITTED = [
    ("clock_skew", {"service": service, "offset": "+1h"})
    for service in ("web", "replaced", "static")
]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    client, folder = connect(), tmp_path_factory.mktemp("clock")
    (folder / "target" / "static").mkdir(parents=True)
    (folder / "target" / "static" / "Dockerfile").write_text(STATIC)
    target = Fitted(client, connect, folder, COMPOSE, FITTED, lease_s=2.0)
    yield target
    target.end()
    assert target.copies.left() == []
    client.close()


@pytest.fixture
def target(fitted):
    fitted.injector.lift_all()
    return fitted


def date_of(container):
    """How far the date that an instance's server gives is from the true one, in seconds."""
    container.reload()
    address = next(iter(instance_of(container.attrs).addresses.values()))
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=5) as answer:
        said = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    return said - time.time()


def test_one_instance_lives_in_another_time_and_nobody_else_does(target):
    first, second = target.project.containers("web")
    (front,) = target.project.containers("front")
    done = target.inject("clock_skew", pick="web-1", offset="+1h")

    assert date_of(first) == pytest.approx(3600, abs=2)  # a date has whole seconds
    assert date_of(second) == pytest.approx(0, abs=2)
    assert date_of(front) == pytest.approx(0, abs=2)
    assert re.search(r"promised \+3600 s, measured \+(3599\.9|3600\.0)", target.evidence())
    assert "not: docker-init" in target.evidence()
    assert target.injector.check(done.fault_id)[0]
    (gone,) = target.injector.lift(done.fault_id)
    assert "is off by +0.0" in gone.evidence or "is off by -0.0" in gone.evidence
    assert date_of(first) == pytest.approx(0, abs=2)


def test_a_clock_can_be_set_back(target):
    target.inject("clock_skew", pick="all", offset="-2d")

    assert all(
        date_of(one) == pytest.approx(-172_800, abs=2) for one in target.project.containers("web")
    )


WAITS = """
import ctypes, os, select, threading, time

libc = ctypes.CDLL(None, use_errno=True)

class Span(ctypes.Structure):
    _fields_ = [("s", ctypes.c_long), ("ns", ctypes.c_long)]

def soon(clock):
    at = time.clock_gettime(clock) + 0.2
    return Span(int(at), int(at % 1 * 1e9))

def condition(clock):
    mutex, cond, kind = (ctypes.create_string_buffer(64) for _ in range(3))
    libc.pthread_condattr_init(kind)
    libc.pthread_condattr_setclock(kind, clock)
    libc.pthread_mutex_init(mutex, None)
    libc.pthread_cond_init(cond, kind)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_cond_timedwait(cond, mutex, ctypes.byref(soon(clock)))

def semaphore(clock):
    one = ctypes.create_string_buffer(64)
    libc.sem_init(one, 0, 0)
    libc.sem_clockwait(one, clock, ctypes.byref(soon(clock)))

def timer(clock):
    fd = libc.timerfd_create(clock, 0)
    when = (Span * 2)(Span(0, 0), soon(clock))
    libc.timerfd_settime(fd, 1, when, None)
    select.select([fd], [], [], 1)

def until(clock):
    libc.clock_nanosleep(clock, 1, ctypes.byref(soon(clock)), None)

waits = {
    "sleep": lambda: time.sleep(0.2),
    "event": lambda: threading.Event().wait(0.2),
    "select": lambda: select.select([], [], [], 0.2),
}
for clock in (time.CLOCK_MONOTONIC, time.CLOCK_REALTIME):
    for wait in (condition, semaphore, timer, until):
        waits[f"{wait.__name__} {clock}"] = lambda wait=wait, clock=clock: wait(clock)
for name, wait in waits.items():
    begun = time.monotonic()
    wait()
    took = time.monotonic() - begun
    assert 0.19 < took < 0.7, (name, took)
open("/tmp/x", "w").close()
print(time.time() - os.stat("/tmp/x").st_mtime)
"""


def test_whoever_sleeps_or_waits_does_so_as_long_as_ever_and_files_keep_true_dates(target):
    target.inject("clock_skew", pick="all", offset="+1h")

    assert float(target.python(WAITS)) == pytest.approx(3600, abs=2)


def test_what_the_service_preloads_itself_is_still_preloaded(target):
    server = target.sh("pgrep -x python3 | head -1").strip()
    maps = target.sh(f"cat /proc/{server}/maps")

    assert THEIRS.rpartition("/")[2] in maps
    assert clocks.LIBRARY in maps


def test_a_restarted_instance_has_the_true_time_and_counts_as_lifted(target):
    done = target.inject("clock_skew", pick="web-1", offset="+1h")
    first = target.project.containers("web")[0]
    before = first.attrs["State"]["Pid"]
    target.inject("crash", pick="web-1")

    def is_back():
        try:
            return date_of(first) is not None and first.attrs["State"]["Pid"] not in {0, before}
        except (OSError, StopIteration):
            return False

    assert wait_until(is_back, timeout_s=30)
    assert date_of(first) == pytest.approx(0, abs=2)
    assert not target.injector.check(done.fault_id)[0]
    assert "gone" in target.injector.lift(done.fault_id)[0].evidence


def test_a_clock_that_is_set_already_is_not_set_again(target):
    target.inject("clock_skew", pick="web-1", offset="+1h")

    with pytest.raises(FaultRefused, match="set already, by"):
        target.inject("clock_skew", pick="web-1", offset="+2h")
    assert date_of(target.project.containers("web")[0]) == pytest.approx(3600, abs=2)


def test_without_renewals_the_clock_is_right_again(target):
    target.inject("clock_skew", pick="web-1", offset="+1h")
    target.hand.ready("clock").stop_renewing()
    first = target.project.containers("web")[0]

    assert wait_until(lambda: abs(date_of(first)) < 2, timeout_s=10)
    target.hand.close()


def test_what_a_killed_agent_left_is_lifted_by_its_successor(target):
    done = target.inject("clock_skew", pick="web-1", offset="+1h")
    agent = target.hand.ready("clock")
    target.client.containers.get(agent.container_id).kill()
    assert wait_until(lambda: not agent.alive, timeout_s=5)
    target.injector.lift(done.fault_id)

    assert date_of(target.project.containers("web")[0]) == pytest.approx(0, abs=2)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("static", "linked statically"),
        ("replaced", "replaced LD_PRELOAD"),
        ("front", "started without our clock; .*chaoskit up TARGET --for EXPERIMENT"),
    ],
)
def test_a_program_that_does_not_ask_us_for_the_time_is_refused(target, service, words):
    with pytest.raises(FaultRefused, match=words):
        target.inject("clock_skew", service=service, offset="+1h")


def test_a_program_in_go_is_known():
    pids = subprocess.run(["pidof", "dockerd"], capture_output=True, text=True, check=False)
    if not pids.stdout.strip():
        pytest.skip("the engine does not run on this host")

    assert clocks._is_go(int(pids.stdout.split()[0]))


def test_an_image_with_another_libc_is_refused_before_it_starts(tmp_path):
    client = connect()
    (tmp_path / "target" / "musl").mkdir(parents=True)
    file = tmp_path / "target" / "musl" / "Dockerfile"
    file.write_text("FROM chaoskit/base:bookworm\nRUN touch /lib/ld-musl-x86_64.so.1\n")
    compose = """
    services:
      web: {build: ./musl, command: [sleep, "600"]}
      front: {image: "chaoskit/base:bookworm", command: [sleep, "600"]}
    """
    with pytest.raises(EnvironmentUnfit, match="has the musl libc"):
        Fitted(client, connect, tmp_path, compose, [("clock_skew", {"offset": "+1h"})])
    client.close()
