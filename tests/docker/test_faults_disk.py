"""The disk faults on real files of real programs, with a disk of ours under them."""

import json
import textwrap
import time
from pathlib import Path

import pytest

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.target.engine import COMPOSE_PROJECT, ROLE_LABEL, connect
from tests.docker.fitted import Fitted

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
COMPOSE = """
services:
  web: &files
    image: chaoskit/base:bookworm
    command: [python3, -u, -m, http.server, "8080"]
    restart: always
    volumes: ["data:/data", "both:/both"]
  peer:
    <<: *files
    volumes: ["both:/both"]
  front:
    <<: *files
    ports: ["8080"]
    volumes: []
volumes: {data: {}, both: {}}
"""
FITTED = [
    ("lose_unsynced", {"path": "/data"}),
    ("io_error", {"path": "/both"}),
]


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    client = connect()
    fitted = Fitted(client, connect, tmp_path_factory.mktemp("disk"), COMPOSE, FITTED, lease_s=2.0)
    yield fitted
    fitted.end()
    assert fitted.copies.left() == []
    assert mounted(fitted) == []
    client.close()


@pytest.fixture
def disk(target):
    """The target with an empty /data, and nothing wrong with it."""
    target.injector.lift_all()
    target.sh("cd /data && rm -rf ./* && sync .")
    return target


def mounted(fitted):
    """What the engine's host has mounted for the target's disks."""
    return [
        line
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if f"{fitted.stack.project}_chaoskit-shelf" in line
    ]


@pytest.mark.parametrize("place", ["/data", "/both"], ids=["remembers", "plain"])
def test_a_program_finds_a_whole_file_system_and_a_quick_one(target, place):
    program = (Path(__file__).parent / "posix_smoke.py").read_text()
    speed = json.loads(target.python(program, "web", place))
    target.sh(f"rm -r {place}/smoke")

    assert min(speed.values()) > 10, speed  # MB/s; a quiet machine does some hundred


def test_the_disk_is_under_every_service_that_has_the_volume(target):
    target.sh("echo there > /both/file")

    assert target.sh("cat /both/file; grep -c fuse.chaoskit /proc/mounts", "peer") == "there\n1\n"


def test_errors_bite_where_they_are_meant_to_and_nowhere_else(disk):
    disk.sh("mkdir /data/wal /data/base; echo old | tee /data/wal/1 /data/base/1; cat /data/wal/1")
    done = disk.inject("io_error", path="/data", files="wal/*")
    assert "Input/output error" in disk.try_sh("cat /data/wal/1")[1]
    assert "Input/output error" in disk.try_sh("echo new > /data/wal/1")[1]
    assert "Input/output error" in disk.try_sh("touch /data/wal/2")[1]
    assert disk.sh("cat /data/base/1; echo new > /data/base/1; ls /data/wal") == "old\n1\n"
    assert disk.injector.check(done.fault_id)[0]
    assert "open: 15 of 15 met EIO" in disk.evidence()
    (gone,) = disk.injector.lift(done.fault_id)

    assert "0 left" in gone.evidence
    assert disk.sh("cat /data/wal/1; echo new > /data/wal/1; cat /data/wal/1") == "old\nnew\n"
    assert ".chaoskit" not in disk.sh("ls -a /data")


def test_a_full_disk_can_be_read_and_emptied_but_takes_nothing(disk):
    disk.sh("echo old > /data/file")
    disk.inject("io_error", path="/data", errno="ENOSPC", operations="write")

    assert "No space left on device" in disk.try_sh("echo new >> /data/file")[1]
    assert disk.sh("cat /data/file; rm /data/file") == "old\n"


def test_a_failed_fsync_is_seen_by_the_program_that_asks_for_it(disk):
    disk.inject("io_error", path="/data", operations="fsync")
    program = "import os; f = open('/data/f', 'w'); f.write('x'); f.flush(); os.fsync(f.fileno())"
    done = disk.container().exec_run(["python3", "-c", program])

    assert "[Errno 5] Input/output error" in done.output.decode()


def test_a_share_of_the_operations_is_hit(disk):
    disk.inject("io_error", path="/data", operations="write", share="30%", seed=4)
    program = textwrap.dedent(
        """
        import os
        fd, failed = os.open("/data/f", os.O_RDWR | os.O_CREAT), 0
        for _ in range(400):
            try: os.pwrite(fd, b"x", 0)
            except OSError: failed += 1
        print(failed)
        """
    )

    assert 97 <= int(disk.python(program)) <= 145  # the 99 % interval of 400 at 30 %


def test_a_slow_disk_is_as_slow_as_promised_and_quick_again_at_once(disk):
    program = textwrap.dedent(
        """
        import os, time
        fd, took = os.open("/data/f", os.O_RDWR | os.O_CREAT), []
        for _ in range(9):
            begun = time.perf_counter()
            os.fsync(fd)
            took.append(time.perf_counter() - begun)
        print(sorted(took)[4])
        """
    )
    before_s = float(disk.python(program))
    done = disk.inject("disk_latency", path="/data", delay="100ms", operations="fsync")
    slow_s = float(disk.python(program)) - before_s
    disk.injector.lift(done.fault_id)

    assert slow_s == pytest.approx(0.1, rel=0.15)  # the fault itself has measured 5 %
    assert "promised 100 ms, measured" in disk.evidence()
    assert float(disk.python(program)) < 0.05


@pytest.mark.parametrize("what", ["read", "write", "fsync", "open", "change"])
def test_a_delay_that_is_measured_on_several_at_once_is_met_by_each(disk, what):
    done = disk.inject("disk_latency", path="/data", delay="600ms", operations=what)
    disk.injector.lift(done.fault_id)

    assert "15 of 15 met a delay" in disk.evidence()
    assert "promised 600 ms, measured" in disk.evidence()


def test_whoever_waits_for_the_disk_goes_on_when_it_is_lifted(disk):
    disk.sh("touch /data/slow")
    done = disk.inject("disk_latency", path="/data", delay="2s", operations="open", files="slow")
    patient = "for n in $(seq 30); do cat /data/slow; done; touch /data/done"
    disk.container().exec_run(["bash", "-c", patient], detach=True)
    begun = time.monotonic()
    disk.injector.lift(done.fault_id)

    assert wait_until(lambda: disk.try_sh("test -e /data/done")[0] == 0, timeout_s=40)
    assert time.monotonic() - begun < 40  # and not a minute


def test_two_faults_on_one_disk_are_lifted_one_by_one(disk):
    first = disk.inject("io_error", path="/data", operations="write", files="a")
    second = disk.inject("io_error", path="/data", operations="write", files="b")
    disk.injector.lift(first.fault_id)

    assert disk.try_sh("echo x > /data/a")[0] == 0
    assert disk.try_sh("echo x > /data/b")[0] != 0
    disk.injector.lift(second.fault_id)
    assert disk.try_sh("echo x > /data/b")[0] == 0


def test_a_sick_disk_is_still_sick_after_a_restart(disk):
    done = disk.inject("io_error", path="/data", operations="write")
    before = disk.pid()
    disk.inject("crash")
    disk.await_restart("web", before, "true")

    assert disk.try_sh("echo x > /data/a")[0] != 0
    assert disk.injector.check(done.fault_id)[0]
    disk.injector.lift(done.fault_id)
    assert disk.try_sh("echo x > /data/a")[0] == 0


def test_without_renewals_the_disk_is_well_again(disk):
    disk.inject("io_error", path="/data", operations="write")
    disk.hand.ready("disk").stop_renewing()

    assert wait_until(lambda: disk.try_sh("echo x > /data/a")[0] == 0, timeout_s=30)
    disk.hand.close()


def test_what_a_killed_agent_left_is_lifted_by_its_successor(disk):
    done = disk.inject("io_error", path="/data", operations="write")
    agent = disk.hand.ready("disk")
    disk.client.containers.get(agent.container_id).kill()
    assert wait_until(lambda: not agent.alive, timeout_s=5)
    assert disk.try_sh("echo x > /data/a")[0] != 0
    disk.injector.lift(done.fault_id)

    assert disk.try_sh("echo x > /data/a")[0] == 0


def test_a_disk_that_others_have_too_is_broken_only_when_that_is_meant(disk):
    with pytest.raises(FaultRefused, match="is shared with container"):
        disk.inject("io_error", path="/both")
    disk.inject("io_error", path="/both", shared=True)

    assert disk.try_sh("touch /both/x", "peer")[0] != 0


@pytest.mark.parametrize(
    ("fault", "arguments", "words"),
    [
        ("io_error", {"path": "/elsewhere"}, "no disk of ours at /elsewhere.*up TARGET --for"),
        ("io_error", {"path": "/data", "service": "front"}, "no disk of ours at /data"),
        ("lose_unsynced", {"path": "/both", "service": "peer"}, "shared with container"),
    ],
)
def test_what_was_not_fitted_is_refused_with_what_to_do(disk, fault, arguments, words):
    with pytest.raises(FaultRefused, match=words):
        disk.inject(fault, **arguments)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("volumes: ['./:/data']", "that is a folder of yours"),
        ("deploy: {replicas: 2}", "several instances and no named volume"),
    ],
    ids=["a folder of the user's", "replicas"],
)
def test_what_cannot_have_a_disk_is_refused_before_it_starts(tmp_path, service, words):
    client = connect()
    compose = f"""
    services:
      web:
        image: chaoskit/base:bookworm
        command: [sleep, "600"]
        {service}
      front: {{image: "chaoskit/base:bookworm", command: [sleep, "600"]}}
    """
    with pytest.raises(EnvironmentUnfit, match=words):
        Fitted(client, connect, tmp_path, compose, [("io_error", {"path": "/data"})])
    client.close()


def test_a_dead_disk_is_said_to_be_dead_and_leaves_no_mount(tmp_path):
    client = connect()
    compose = """
    services:
      web: {image: "chaoskit/base:bookworm", command: [python3, -m, http.server, "8080"]}
      front: {image: "chaoskit/base:bookworm", command: [python3, -m, http.server, "8080"]}
    """
    fitted = Fitted(client, connect, tmp_path, compose, [("io_error", {"path": "/data"})])
    try:
        done = fitted.inject("io_error", path="/data")
        mine = f"{COMPOSE_PROJECT}={fitted.stack.project}"
        filters = {"label": [f"{ROLE_LABEL}=disk", mine]}
        (helper,) = client.containers.list(filters=filters)
        helper.kill()
        with pytest.raises(FaultRefused, match=r"is dead|no disk of ours"):
            fitted.inject("disk_latency", path="/data", delay="5ms")
        assert fitted.injector.check(done.fault_id)[0] is False
        assert "disk is gone" in fitted.injector.lift(done.fault_id)[0].evidence
    finally:
        fitted.end()
    assert mounted(fitted) == []
    assert fitted.copies.left() == []
    client.close()
