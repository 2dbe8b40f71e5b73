"""What a crash looks like to the observers, against what we know because we did it."""

import os
import resource
import signal
import time

import pytest

from chaoskit.model.marks import NS, MarkKind
from chaoskit.model.target import Healer, HttpWitness, LogWitness, Role, Strength
from chaoskit.run.clock import WallClock, now_ns, wait_until
from chaoskit.target.engine import connect
from chaoskit.target.images import ensure_base
from chaoskit.target.observers import Observers
from chaoskit.target.rearm import rearm
from chaoskit.target.roles import find_role
from tests.docker.small_target import WEB, Copies, write_spec

pytestmark = pytest.mark.docker

RESTARTER = Healer(name="docker-restart", kind="docker-restart", engine=True)


class Watched:
    """A running target with observers."""

    def __init__(self, copies, spec, folder):
        self.spec = spec
        self.copies = copies
        self.stack = copies.start(spec)
        self.marks = []
        self.logs = folder / "logs"
        self.observers = Observers(
            spec,
            self.stack.project,
            self.stack.entrypoints,
            record=self.marks.append,
            logs_folder=self.logs,
            now_ns=now_ns,
            wall_to_mono=WallClock().to_mono,
        )
        self.observers.start()

    def crash(self, service, index=0):
        """Kill an instance from the host; the moment, just before."""
        container = self.copies.containers(self.stack, service)[index]
        at_ns = now_ns()
        os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)
        return at_ns

    def of(self, kind, source=None):
        return [one for one in self.marks if one.kind is kind and source in {None, one.source}]

    def haves(self, service):
        return [one.data["have"] for one in self.of(MarkKind.REDUNDANCY) if one.service == service]


@pytest.fixture
def watch(tmp_path):
    client = connect()
    ensure_base(client, lambda _line: None)
    copies = Copies(client, tmp_path)
    watched = []

    def begin(compose=WEB, **fields):
        spec = write_spec(tmp_path / "t", compose, **fields)
        watched.append(Watched(copies, spec, tmp_path))
        return watched[-1]

    yield begin
    for one in watched:
        one.observers.stop()
    copies.end()
    client.close()


def until(condition, timeout_s=10.0):
    assert wait_until(condition, timeout_s=timeout_s), "it did not come to pass"


def test_a_crash_is_detected_and_acted_on_in_order_and_near_its_true_time(watch):
    target = watch(healers=(RESTARTER,))
    crashed_ns = target.crash("web")
    until(lambda: target.of(MarkKind.ACTED) and target.haves("web")[-1] == 2)
    seen_ns = now_ns()

    (detected,) = target.of(MarkKind.DETECTED, "docker-restart")
    (acted,) = target.of(MarkKind.ACTED, "docker-restart")
    assert crashed_ns < detected.at_ns < acted.at_ns < seen_ns
    assert detected.at_ns - crashed_ns < 0.3 * NS
    assert acted.at_ns - detected.at_ns > 0.09 * NS  # the engine's back-off
    assert detected.instance == acted.instance == "web-1"
    assert target.haves("web") == [2, 1, 2]
    assert target.haves("front") == [1]
    assert target.observers.full()


def test_a_stop_by_hand_is_told_but_is_nobodys_healing(watch):
    target = watch(healers=(RESTARTER,))
    container = target.copies.containers(target.stack, "web")[1]
    container.stop(timeout=0)
    container.start()
    until(lambda: target.haves("web") == [2, 1, 2])

    assert "stop" in [one.detail for one in target.of(MarkKind.ENGINE)]
    assert not target.of(MarkKind.DETECTED)
    assert not target.of(MarkKind.ACTED)


def test_a_pause_and_an_unhealthy_instance_cost_strength(watch):
    checked = WEB.replace(
        "    deploy",
        "    healthcheck: {test: [CMD, test, '!', -e, /sick], interval: 1s, retries: 1}\n    deploy",
    )
    target = watch(checked)
    container = target.copies.containers(target.stack, "web")[0]
    container.pause()
    until(lambda: target.haves("web") == [2, 1])
    container.unpause()
    until(lambda: target.haves("web") == [2, 1, 2])
    container.exec_run(["touch", "/sick"])
    until(lambda: target.haves("web") == [2, 1, 2, 1])

    until(lambda: "health_status: unhealthy" in [one.detail for one in target.of(MarkKind.ENGINE)])


def test_logs_are_on_disk_through_restarts_and_bear_witness_at_their_own_time(watch):
    talkative = """
        services:
          web:
            image: chaoskit/base:bookworm
            command:
              - sh
              - -c
              - 'printf "\\000\\033[1mbinary\\n"; echo begun; while sleep 0.05; do date +%s.%N; done'
            restart: always
        """
    healer = Healer(name="self", kind="supervisor", log=LogWitness(service="web", restored="begun"))
    target = watch(
        talkative,
        entrypoints=(),
        ready_url="",
        strengths=(Strength(service="web", instances=1),),
        healers=(healer,),
    )
    log = target.logs / "web.log"
    until(lambda: log.exists() and log.read_text().count("\n") > 5)
    assert not target.of(MarkKind.RESTORED)  # it began before the observers did

    crashed_ns = target.crash("web")
    until(lambda: target.of(MarkKind.RESTORED))
    lines_before = log.read_text().count("\n")
    until(lambda: log.read_text().count("\n") > lines_before + 5)
    target.observers.stop()

    (restored,) = target.of(MarkKind.RESTORED)
    (start,) = [one for one in target.of(MarkKind.ENGINE) if one.detail == "start"]
    assert crashed_ns < restored.at_ns
    assert abs(restored.at_ns - start.at_ns) < 0.5 * NS
    rows = [line.split(" ", 2) for line in log.read_text().splitlines()]
    assert [row[2] for row in rows].count("begun") == 2
    assert rows[0][1:] == ["web-1", "\\x00binary"]
    stamps = [row[2] for row in rows if row[2][0].isdigit()]
    assert len(stamps) == len(set(stamps)), "no line is written twice"


def test_endpoints_count_and_bear_witness(watch, tmp_path):
    files = WEB + f"    volumes: ['{tmp_path}/www:/www']\n    working_dir: /www\n"
    (tmp_path / "www").mkdir()

    def write(text):
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").rename(tmp_path / "www" / "state.txt")

    write("up\nup\n")
    url = "${front}/state.txt"
    target = watch(
        files,
        strengths=(Strength(service="web", instances=2, url=url, count="^up$", period_s=0.05),),
        healers=(
            Healer(
                name="alert",
                kind="alert",
                http=HttpWitness(url=url, period_s=0.05, detected="firing"),
            ),
        ),
    )
    until(lambda: target.observers._tracker._counts)  # the endpoint has answered once
    before_ns = now_ns()
    write("up\nfiring\n")
    until(lambda: target.haves("web") == [2, 1])
    write("up\nup\n")
    until(lambda: target.haves("web") == [2, 1, 2])

    (detected,) = target.of(MarkKind.DETECTED, "alert")
    assert before_ns < detected.at_ns < now_ns()
    assert detected.resolution_ns >= 0.05 * NS
    (front,) = target.copies.containers(target.stack, "front")
    front.kill()
    until(lambda: target.haves("web") == [2, 1, 2, 0])


def test_observers_see_on_after_the_engine_cut_their_streams(watch):
    target = watch(healers=(RESTARTER,))
    until(lambda: target.observers._events._stream)
    target.observers._events._stream.close()
    target.crash("web")
    until(lambda: target.haves("web") == [2, 1, 2])

    assert len(target.of(MarkKind.DETECTED)) == len(target.of(MarkKind.ACTED)) == 1


def test_observers_stop_fast_and_cost_little(watch):
    target = watch(healers=(RESTARTER,))
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    wait_until(lambda: False, timeout_s=2, every_s=0.5)
    wall_s = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    target.observers.stop()

    assert time.perf_counter() - begun < 0.3
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert cpu_s / wall_s < 0.1


def test_rearming_resets_the_back_off_so_that_every_crash_is_repaired_alike(watch):
    target = watch(healers=(RESTARTER,))
    took_s = []
    for trial in range(1, 6):
        target.crash("web")
        until(lambda wanted=trial: len(target.of(MarkKind.ACTED)) == wanted)
        took_s.append(
            (target.of(MarkKind.ACTED)[-1].at_ns - target.of(MarkKind.DETECTED)[-1].at_ns) / NS
        )
        done = rearm(
            target.copies.client, target.stack.project, target.spec, progress=lambda _line: None
        )
        assert done.restarted == ("web-1",)
        assert done.full

    # Untouched, the fifth back-off alone would be 1.6 s.
    assert took_s[-1] < 1.4


def test_rearming_starts_what_nobody_would_start_any_more_and_leaves_the_rest(watch):
    target = watch()
    stopped = target.copies.containers(target.stack, "web")[1]
    stopped.stop(timeout=0)

    done = rearm(
        target.copies.client, target.stack.project, target.spec, progress=lambda _line: None
    )

    assert done.restarted == ("web-2",)
    assert done.full


def test_a_role_is_found_by_a_command_in_the_instances(watch):
    target = watch()
    for number, container in enumerate(target.copies.containers(target.stack, "web"), 1):
        container.exec_run(["sh", "-c", f"echo role-{number} > /role"])

    def player(match, command=("cat", "/role")):
        role = Role(name="r", service="web", command=command, match=match)
        return find_role(target.copies.client, target.stack.project, role)

    assert player("role-2") == "web-2"
    assert player("^role-") == "web-1"
    assert player("nobody") is None
    assert player("role", ("no-such-program",)) is None
