"""The doctor's checks against the engine that is there, and one that is not."""

import gc
import time
from pathlib import Path

import pytest

from chaoskit.agent.kinds import KINDS
from chaoskit.errors import EnvironmentUnfit
from chaoskit.faults.base import catalogue
from chaoskit.run.fault_checks import fault_checks
from chaoskit.target import doctor
from chaoskit.target.doctor import Status
from chaoskit.target.engine import RUN_LABEL, connect, labelled

pytestmark = pytest.mark.docker


def by_id(checks):
    return {one.id: one for one in checks}


def test_every_check_says_what_it_found_and_what_mends_it():
    checks = doctor.run_checks(leftovers=lambda _client: [])

    assert all(one.evidence and one.why for one in checks)
    assert all(one.fix for one in checks if one.status in {Status.FAIL, Status.WARN})
    assert not [one for one in checks if one.status is Status.OK and one.fix]
    assert len(by_id(checks)) == len(checks)
    found = by_id(checks)
    assert {found[name].status for name in ("EngineReachable", "ApiVersion", "Compose")} == {
        Status.OK
    }
    assert found["Leftovers"].evidence == "none"
    assert found["AgentStarts"].status is Status.UNKNOWN


def test_the_full_examination_starts_the_agent_and_leaves_nothing():
    found = by_id(doctor.run_checks(full=True, faults=fault_checks))

    assert found["AgentStarts"].status is Status.OK
    assert found["LoopbackPublish"].status is Status.OK
    assert found["Mechanism:signal"].status is Status.OK
    assert {f"Mechanism:{kind}" for kind in KINDS} <= set(found)
    assert {f"Fault:{name}" for name in catalogue()} <= set(found)
    assert found["Fault:crash"].evidence == "available, through signal (the agent)"
    for one in found.values():
        if one.id.startswith("Fault:") and one.status is not Status.OK:
            assert one.evidence.startswith(("not available: ", "done in a Kubernetes cluster"))
            assert one.fix
    client = connect()
    assert not list(labelled(client, f"{RUN_LABEL}=doctor"))
    client.close()


def test_what_a_dead_run_left_is_named_with_the_command_against_it():
    class Left:
        why = "run r1: container web-1"
        command = "chaoskit recover reports/r1"

    found = by_id(doctor.run_checks(leftovers=lambda _client: [Left()]))

    assert found["Leftovers"].status is Status.WARN
    assert found["Leftovers"].fix == Left.command


# docker-py forgets to close the socket that could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_is_not_there_fails_one_check_and_not_the_examination(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    found = by_id(doctor.run_checks(full=True))
    gc.collect()

    assert found["EngineReachable"].status is Status.FAIL
    assert "nowhere.sock" in found["EngineReachable"].evidence
    assert found["ClockSane"].status is Status.OK


def test_preflight_is_quick():
    client = connect()
    doctor.preflight(client)
    begun = time.perf_counter()
    doctor.preflight(client)

    assert time.perf_counter() - begun < 0.1
    client.close()


def test_preflight_refuses_an_engine_that_is_too_old(monkeypatch):
    monkeypatch.setattr(doctor.checks_engine, "LEAST_API", (99, 0))
    client = connect()

    with pytest.raises(EnvironmentUnfit, match="99"):
        doctor.preflight(client)
    client.close()


@pytest.mark.parametrize(
    ("what", "value", "words"),
    [
        ("available_memory", lambda: 100 << 20, "only 100 MiB of memory are available; 256 MiB"),
        ("engine_folder", lambda _client: Path("/proc"), "only 0 MiB are free at /proc; 512 MiB"),
    ],
    ids=["memory", "disk"],
)
def test_preflight_refuses_a_machine_without_room(monkeypatch, what, value, words):
    module = doctor.checks_machine if what == "available_memory" else doctor.checks_engine
    monkeypatch.setattr(module, what, value)
    client = connect()

    with pytest.raises(EnvironmentUnfit, match=words):
        doctor.preflight(client)
    client.close()
