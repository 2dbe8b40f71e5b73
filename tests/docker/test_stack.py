"""Targets are started beside each other, reached on the loopback address, and taken away whole."""

import json
import os
import socket
import time
import urllib.request

import pytest

from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.model.target import Healer, LogWitness, Strength
from chaoskit.run.clock import wait_until
from chaoskit.target.compose import Stack
from chaoskit.target.engine import COMPOSE_PROJECT, connect, labelled
from chaoskit.target.images import ensure_base
from chaoskit.target.ports import free_ports
from tests.docker.small_target import WEB, Copies, write_spec

pytestmark = pytest.mark.docker


@pytest.fixture
def client():
    client = connect()
    ensure_base(client, lambda _line: None)
    yield client
    client.close()


@pytest.fixture
def copies(client, tmp_path):
    copies = Copies(client, tmp_path)
    yield copies
    copies.end()
    assert copies.left() == []


def get(url):
    with urllib.request.urlopen(url, timeout=2) as answer:
        return answer.status


def answers(url):
    try:
        return get(url) == 200
    except OSError:
        return False


def test_a_target_is_ready_when_start_returns_and_gone_when_down_returns(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "t"))

    assert get(stack.entrypoints["front"]) == 200
    assert len(copies.containers(stack)) == 3
    assert json.loads((tmp_path / "out-1" / "compose.json").read_text())["name"] == stack.project

    begun = time.perf_counter()
    stack.down()
    assert time.perf_counter() - begun < 5
    assert copies.left() == []


def test_ports_are_published_on_the_loopback_address_only(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "t"))

    bindings = [
        binding
        for one in copies.containers(stack)
        for found in (one.attrs["NetworkSettings"]["Ports"] or {}).values()
        for binding in found or ()
    ]
    assert [one["HostIp"] for one in bindings] == ["127.0.0.1"]


def test_a_restarted_container_is_found_at_the_same_address(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "t"))
    before = dict(stack.entrypoints)
    (front,) = copies.containers(stack, "front")

    os.kill(front.attrs["State"]["Pid"], 9)

    assert wait_until(lambda: not answers(before["front"]), timeout_s=5)
    assert stack.entrypoints == before
    assert wait_until(lambda: answers(before["front"]), timeout_s=10)


def test_ports_lie_outside_of_the_range_for_outgoing_connections(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "t"))
    port = int(stack.entrypoints["front"].rpartition(":")[2])

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        assert port < 32768 or abs(one.getsockname()[1] - port) > 1000


def test_two_copies_live_side_by_side_even_with_fixed_names(copies, tmp_path):
    fixed = WEB + "    container_name: front-by-name\n"
    fixed += "networks: {default: {name: fixed-network}}\n"
    spec = write_spec(tmp_path / "t", fixed)

    first, second = copies.start(spec), copies.start(spec)

    assert first.entrypoints != second.entrypoints
    first.down()
    assert get(second.entrypoints["front"]) == 200
    (web, _) = copies.containers(second, "web")
    code, _ = web.exec_run(["curl", "-sf", "http://front-by-name:8080/"])
    assert code == 0


def test_volumes_and_networks_carry_the_label_and_go_with_the_target(copies, tmp_path):
    kept = WEB + "    volumes: [data:/data, /anonymous]\nvolumes: {data: {}}\n"
    stack = copies.start(write_spec(tmp_path / "t", kept))

    assert {kind for kind, _, _ in copies.left()} == {"container", "network", "volume"}
    stack.down()
    assert copies.left() == []


def test_a_paused_and_a_stopped_instance_go_too(copies, tmp_path):
    stack = copies.start(write_spec(tmp_path / "t"))
    one, other = copies.containers(stack, "web")
    one.pause()
    os.kill(other.attrs["State"]["Pid"], 19)

    stack.down()

    assert copies.left() == []


def test_a_build_is_built_once_and_an_override_is_obeyed(copies, tmp_path):
    folder = tmp_path / "t"
    spec = write_spec(
        folder,
        """
        services:
          front:
            build: {context: ./front, args: {WORD: "a $$ sign"}}
            restart: always
        """,
        strengths=(Strength(service="front", instances=1),),
    )
    (folder / "front").mkdir()
    (folder / "front" / "Dockerfile").write_text(
        'FROM chaoskit/base:bookworm\nARG WORD\nRUN echo "$WORD" > /word\n'
        'CMD ["python3", "-m", "http.server", "8080"]\n'
    )
    override = folder / "compose.no-restart.yaml"
    override.write_text('services: {front: {restart: "no"}}\n')

    first = copies.start(spec)
    second = copies.start(spec, overrides=[override])

    (one,), (other,) = copies.containers(first), copies.containers(second)
    assert one.image.id == other.image.id
    assert one.exec_run(["cat", "/word"])[1] == b"a $ sign\n"
    assert one.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert other.attrs["HostConfig"]["RestartPolicy"]["Name"] == "no"
    copies.end()
    copies.client.images.remove(one.image.tags[0])


def test_a_target_that_never_serves_is_torn_down_and_its_last_words_are_told(copies, tmp_path):
    sick = """
        services:
          front:
            image: chaoskit/base:bookworm
            command: [sh, -c, "echo 'no database'; exit 3"]
            restart: "no"
        """
    spec = write_spec(tmp_path / "t", sick, strengths=(Strength(service="front", instances=1),))

    with pytest.raises(EnvironmentUnfit) as caught:
        copies.start(spec)

    message = str(caught.value)
    assert "front-1: Exited (3)" in message
    assert "no database" in message
    assert copies.left() == []


def test_a_target_that_takes_too_long_is_torn_down(copies, tmp_path):
    deaf = WEB.replace('[python3, -u, -m, http.server, "8080"]', "[sleep, infinity]")
    spec = write_spec(tmp_path / "t", deaf, ready_timeout_s=1.5)

    with pytest.raises(EnvironmentUnfit, match=r"not ready within 1\.5 s: .* answers nothing"):
        copies.start(spec)
    assert copies.left() == []


def test_a_log_that_never_says_what_a_healthy_start_says_is_found_at_the_start(copies, tmp_path):
    def spec(name, started):
        log = LogWitness(service="web", started=started, acted="restarted")
        healer = Healer(name="nurse", kind="other", log=log, off="compose.off.yaml")
        return write_spec(tmp_path / name, WEB, healers=(healer,))

    with pytest.raises(EnvironmentUnfit) as caught:
        copies.start(spec("wrong", "Server ready"))
    message = str(caught.value)
    assert "it serves, but nothing in the log of web matches 'Server ready'" in message
    assert "by which nurse is to be seen" in message
    assert "Serving HTTP on" in message, "the last words say what the log is like"
    assert copies.left() == []
    copies.start(spec("right", "^Serving HTTP on"))


def test_too_little_memory_for_a_service_is_told_and_torn_down(copies, tmp_path):
    greedy = """
        services:
          front:
            image: chaoskit/base:bookworm
            command: [python3, -c, "hoard = b'x' * (1 << 30)"]
            mem_limit: 32m
            memswap_limit: 32m
        """
    spec = write_spec(tmp_path / "t", greedy, strengths=(Strength(service="front", instances=1),))

    with pytest.raises(EnvironmentUnfit, match="out of memory"):
        copies.start(spec)
    assert copies.left() == []


@pytest.mark.parametrize("tries", [1, 3], ids=["once", "always"])
def test_a_port_that_somebody_else_has_is_tried_elsewhere_or_told(
    copies, tmp_path, monkeypatch, tries
):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = [somebody.getsockname()[1]] * tries

        def choose(client, sizes, *, seed):
            return (taken.pop(),) if taken else free_ports(client, sizes, seed=seed)

        monkeypatch.setattr("chaoskit.target.compose.free_ports", choose)
        spec = write_spec(tmp_path / "t")
        if tries == 1:
            assert answers(copies.start(spec).entrypoints["front"])
            return
        with pytest.raises(
            EnvironmentUnfit, match=r"could not start it(.|\n)*address already in use"
        ):
            copies.start(spec)
        assert copies.left() == []


def test_an_image_that_is_nowhere_is_an_unfit_environment(copies, tmp_path):
    spec = write_spec(tmp_path / "t", WEB.replace("chaoskit/base:bookworm", "localhost:1/no:1"))

    with pytest.raises(EnvironmentUnfit, match="localhost:1/no"):
        copies.start(spec)
    assert copies.left() == []


def test_a_wrong_compose_file_is_refused_before_anything_starts(copies, tmp_path):
    spec = write_spec(tmp_path / "t", "services: {web: {imaage: x}}\n")

    with pytest.raises(InputError, match="imaage"):
        copies.start(spec)
    assert copies.left() == []


def test_a_target_that_runs_already_can_be_attached_to(copies, client, tmp_path):
    spec = write_spec(tmp_path / "t")
    started = copies.start(spec)

    attached = Stack.attach(spec, started.project, client)

    assert attached.entrypoints == started.entrypoints
    attached.down()
    assert not list(labelled(client, f"{COMPOSE_PROJECT}={started.project}"))
