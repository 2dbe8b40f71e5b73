"""The engine is restarted while faults are held; it is an engine of the test's own."""

import os
import shutil

import docker.errors
import pytest
import requests.exceptions

from chaoskit.run.clock import wait_until
from chaoskit.run.undo_log import UndoLog
from chaoskit.target.engine import connect
from chaoskit.target.images import BASE, ensure_agent, ensure_base
from chaoskit.testing.arena import opened
from chaoskit.testing.field import Field
from chaoskit.testing.harness import broken
from tests.docker.second_engine import SecondEngine

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("dockerd"),
        reason="a second engine needs root and dockerd",
    ),
]


ONE_OF_EACH_MECHANISM = [
    *("bad_deploy", "disconnect", "pause", "scale_down", "stop"),
    *("blackhole", "dns_wrong", "http_delay", "latency", "bandwidth"),
    *("hang", "cpu_quota", "descriptor_exhaustion", "fork_pressure"),
    *("corrupt_file", "disk_full", "read_only"),
]


@pytest.fixture(scope="module")
def engine():
    client = connect()
    base = ensure_base(client, print)
    agent = ensure_agent(client, print)
    client.close()
    with SecondEngine() as second, pytest.MonkeyPatch.context() as patch:
        second.load(BASE, base, agent)
        patch.setenv("DOCKER_HOST", second.host)
        with second.entered():
            yield second


def test_the_engine_is_restarted_and_everything_is_lifted_afterwards(engine, tmp_path):
    with opened(tmp_path) as arena:
        field = Field(arena, ONE_OF_EACH_MECHANISM)
        before = field.snapshot()
        on = [n for n, arguments in field.orders() if not broken(arena.injector, n, arguments)]
        engine.stop()
        engine.start()
        wait_until(lambda: knows(arena.client), timeout_s=10)
        arena.injector.lift_all()
        arena.hand.close()

        assert len(on) >= len(field.faults) - 3
        assert UndoLog(tmp_path).open_entries() == ()
        assert field.differences(before) == []


def knows(client):
    """Whether an old client has got over its dead connections."""
    try:
        return client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException):
        return False
