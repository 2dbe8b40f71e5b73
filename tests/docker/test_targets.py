"""The targets as a reader of the repository meets them: Compose projects that heal themselves.

Chaoskit takes no part in the healing here: what a run measures must be the target's own doing.
"""

import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import deque
from pathlib import Path

import pytest
import yaml

from chaoskit.target import images
from chaoskit.target.compose_cli import find_compose
from chaoskit.target.engine import RUN_LABEL, Project, connect, healthy
from chaoskit.target.ports import free_ports

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
TARGETS = sorted(one for one in (ROOT / "targets").iterdir() if (one / "compose.yaml").is_file())
LIMIT_S = 15


@pytest.fixture(scope="module")
def client():
    client = connect()
    yield client
    client.close()


def compose(folder, files, *arguments, **options):
    named = [word for name in files for word in ("-f", str(folder / name))]
    return subprocess.run(
        [*find_compose(), *named, *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def variants():
    for folder in TARGETS:
        yield pytest.param(folder, (), id=folder.name)
        for override in sorted(folder.glob("compose.*.yaml")):
            yield pytest.param(folder, (override.name,), id=f"{folder.name}-{override.name}")


@pytest.mark.parametrize(("folder", "overrides"), list(variants()))
def test_docker_compose_accepts_the_target_and_each_of_its_overrides(folder, overrides):
    done = compose(folder, ("compose.yaml", *overrides), "config", "--quiet")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("folder", TARGETS, ids=lambda one: one.name)
def test_images_that_are_there_are_found_without_a_word(client, folder):
    first = images.ensure_services(client, folder, lambda line: None)
    said = []

    assert images.ensure_services(client, folder, said.append) == first
    assert said == []
    assert first, "a target of ours builds its own images"


def test_a_build_that_fails_shows_its_last_lines(client, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        "FROM chaoskit/base:bookworm\nRUN echo 'the reason is this' && exit 3\n"
    )

    with pytest.raises(images.EnvironmentUnfit) as caught:
        images.ensure(client, "broken", tmp_path, lambda line: None)

    assert "the reason is this" in str(caught.value)
    assert "chaoskit/broken" in str(caught.value)


def test_two_builders_at_once_end_with_the_same_image(client, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        f"FROM chaoskit/base:bookworm\nRUN echo {uuid.uuid4()} > /etc/marker\n"
    )
    tags, steps = [], deque()

    def build():
        own = connect()
        tags.append(images.ensure(own, "race", tmp_path, steps.append))
        own.close()

    threads = [threading.Thread(target=build) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    try:
        assert len(tags) == 2
        assert len(set(tags)) == 1
        assert sum(line.startswith("building") for line in steps) == 1
    finally:
        client.images.remove(tags[0])


class Standing:
    """A target under plain `docker compose up`."""

    def __init__(self, client, folder, name, ports):
        self.project = Project(name=name, client=client)
        self.spec = yaml.safe_load((folder / "target.yaml").read_text())
        self.url = f"http://127.0.0.1:{ports['WEB_PORT']}"
        self.stats = f"http://127.0.0.1:{ports['STATS_PORT']}"

    def get(self, url=None):
        try:
            with urllib.request.urlopen(f"{url or self.url}/", timeout=1) as answer:
                return answer.read().decode()
        except (OSError, urllib.error.URLError):
            return None

    def in_service(self):
        """How many servers HAProxy gives requests to, counted as target.yaml says."""
        row = self.spec["redundancy"]["web"]
        text = self.get(row["url"].replace("${stats_url}", self.stats).removesuffix("/"))
        return len(re.findall(row["count"], text or ""))

    def one(self, service):
        return self.project.containers(service)[0]

    def signal(self, service, number):
        os.kill(self.one(service).attrs["State"]["Pid"], number)

    def restarts(self, service):
        return self.one(service).attrs["RestartCount"]

    def log(self, service):
        return self.one(service).logs().decode()


def until(what, condition):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT_S} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def stand(client, tmp_path):
    """Start a target with Compose alone; the label only lets us clean up if this process dies."""
    name = f"test-targets-{uuid.uuid4().hex[:8]}"
    web, stats = free_ports(client, [1, 1], seed=name)
    ports = {"WEB_PORT": str(web), "STATS_PORT": str(stats)}
    used = []

    def start(target, *overrides):
        folder = ROOT / "targets" / target
        tags = images.ensure_services(client, folder, lambda line: None)
        extra = {
            key: {"image": tag, "labels": [f"{RUN_LABEL}={name}"]} for key, tag in tags.items()
        }
        labelled = tmp_path / "compose.test.yaml"
        labelled.write_text(yaml.safe_dump({"services": extra}))
        used[:] = [folder, ("compose.yaml", *overrides, labelled)]
        up = ("-p", name, "up", "--detach", "--no-build", "--wait")
        done = compose(*used, *up, env={**os.environ, **ports})
        assert done.returncode == 0, done.stderr
        standing = Standing(client, folder, name, ports)
        until("an answer", standing.get)
        return standing

    yield start

    done = compose(*used, "-p", name, "down", "--volumes", "--timeout", "0")
    assert done.returncode == 0, done.stderr


def test_the_engine_restarts_a_crashed_service(stand):
    target = stand("restart-policy")
    target.signal("web", signal.SIGKILL)

    until("a restart", lambda: target.restarts("web") == 1)
    until("an answer", target.get)
    until("healthy", lambda: healthy(target.one("web").attrs))


def test_the_engine_sees_a_hung_service_and_lets_it_be(stand):
    target = stand("restart-policy")
    target.signal("web", signal.SIGSTOP)

    until("unhealthy", lambda: not healthy(target.one("web").attrs))

    assert target.get() is None
    assert target.restarts("web") == 0

    target.signal("web", signal.SIGCONT)
    until("an answer", target.get)


def test_without_its_healer_a_crashed_service_stays_down(stand):
    target = stand("restart-policy", "compose.no-restart.yaml")
    target.signal("web", signal.SIGKILL)

    until("the end", lambda: target.one("web").status == "exited")

    assert target.get() is None
    assert target.restarts("web") == 0


def test_haproxy_goes_round_a_crashed_replica_and_takes_it_back(stand):
    target = stand("replicated-web")
    until("full strength", lambda: target.in_service() == 3)
    assert len({target.get() for _ in range(9)}) == 3, "each replica answers with its own name"

    target.signal("web", signal.SIGKILL)
    answers = [target.get() for _ in range(50)]
    until("a restart", lambda: target.restarts("web") == 1)
    until("full strength", lambda: target.in_service() == 3)

    assert None not in answers
    assert re.search(r"web\d is DOWN", target.log("lb"))
    assert re.search(r"web\d is UP, reason", target.log("lb"))


def test_haproxy_goes_round_a_hung_replica_which_nobody_replaces(stand):
    target = stand("replicated-web")
    until("full strength", lambda: target.in_service() == 3)
    target.signal("web", signal.SIGSTOP)

    until("one out of service", lambda: target.in_service() == 2)
    assert None not in [target.get() for _ in range(20)]

    target.signal("web", signal.SIGCONT)
    until("full strength", lambda: target.in_service() == 3)
    assert target.restarts("web") == 0


def test_without_its_checks_haproxy_keeps_sending_users_to_a_hung_replica(stand):
    target = stand("replicated-web", "compose.no-check.yaml")
    target.signal("web", signal.SIGSTOP)
    answers = [target.get() for _ in range(12)]
    target.signal("web", signal.SIGCONT)

    assert answers.count(None) >= 3
    assert "is DOWN" not in target.log("lb")


def test_a_crashed_proxy_comes_back_and_finds_its_replicas_again(stand):
    target = stand("replicated-web")
    until("full strength", lambda: target.in_service() == 3)
    target.signal("lb", signal.SIGKILL)

    until("a restart", lambda: target.restarts("lb") == 1)
    until("full strength", lambda: target.in_service() == 3)
    until("an answer", target.get)
