"""Who lifts when somebody dies: agent, keeper, recover, and the end of the process."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from chaoskit.errors import FaultRefused, InputError, LiftFailed
from chaoskit.model.timeline import MarkKind
from chaoskit.run.clock import wait_until
from chaoskit.run.keeper import spawn_keeper
from chaoskit.run.owner import HARNESS, Mode, claim, owner_of
from chaoskit.run.recover import leftovers, recover, remove_run
from chaoskit.run.undo_log import UndoLog
from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL, UP_LABEL, labelled
from tests.docker.arena import process_states, serves, state_of

pytestmark = pytest.mark.docker


def agents(arena):
    filters = {"label": [f"{RUN_LABEL}={arena.run_id}", ROLE_LABEL]}
    return arena.client.containers.list(all=True, filters=filters, ignore_removed=True)


def things_of(arena):
    return list(labelled(arena.client, f"{RUN_LABEL}={arena.run_id}"))


def test_without_renewals_the_agent_lifts_everything_and_tells(arena):
    arena.lease_s = 1.0
    web, lb = arena.add("web"), arena.add("lb")
    cut = arena.inject("partition", **{"from": "lb"})
    hung = arena.inject("hang", pick="web-1")
    arena.hand.ready().stop_renewing()

    assert wait_until(lambda: len(arena.injector.lapsed) == 2, timeout_s=10)
    assert arena.injector.lapsed == (cut.fault_id, hung.fault_id)
    assert "T" not in process_states(web)
    assert arena.reaches(lb, web)
    assert [mark.data["lapsed"] for mark in arena.marks if mark.kind is MarkKind.LIFTED] == [
        True
    ] * 2
    assert arena.injector.lift_all() == ()


def test_renewals_keep_a_fault_on_beyond_its_lease(arena):
    arena.lease_s = 0.6
    web = arena.add("web")
    arena.inject("hang")

    assert not wait_until(lambda: "S" in process_states(web), timeout_s=2.5)
    assert arena.injector.lapsed == ()


def test_a_closed_pipe_makes_the_agent_lift_and_leave(arena):
    web = arena.add("web")
    arena.inject("hang")
    arena.hand.ready()._pipe.close()

    assert wait_until(lambda: "T" not in process_states(web), timeout_s=10)
    assert wait_until(lambda: agents(arena) == [], timeout_s=10)


def test_a_killed_agent_is_noticed_and_its_successor_lifts(arena):
    web = arena.add("web")
    arena.add("lb")
    arena.inject("partition", **{"from": "lb"})
    arena.inject("hang", pick="web-1")
    agent = arena.hand.ready()
    agents(arena)[0].kill()

    assert wait_until(lambda: not agent.alive, timeout_s=5)
    with pytest.raises(FaultRefused, match="the agent is gone"):
        agent.request("hello")
    assert set(process_states(web)) == {"T"}
    assert len(arena.injector.lift_all()) == 2
    assert serves(web)


def test_what_a_killed_agent_and_a_dead_harness_left_is_recovered_from_the_log(arena):
    web, lb = arena.add("web"), arena.add("lb")
    arena.inject("partition", **{"from": "lb"})
    arena.inject("hang", pick="lb-1", service="lb")
    arena.inject("disconnect", service="lb")
    arena.inject("pause")
    agents(arena)[0].kill()
    done = recover(arena.folder, mode=Mode.UNDO)

    assert len(done.undone) == 4
    assert UndoLog(arena.folder).open_entries() == ()
    assert serves(web)
    assert arena.reaches(lb, web)
    assert agents(arena) == []
    assert recover(arena.folder, mode=Mode.UNDO).undone == ()


def test_recover_removes_everything_of_a_run(arena):
    arena.add("web")
    arena.inject("hang")
    agents(arena)[0].kill()
    arena.client.volumes.create(f"{arena.run_id}-v", labels=arena.labels)
    done = recover(arena.folder)

    assert things_of(arena) == []
    assert {one.split()[0] for one in done.removed} == {"container", "network", "volume"}


def test_what_is_up_on_purpose_is_not_removed_with_a_run(arena):
    web = arena.add("web", labels={UP_LABEL: "standing"})
    other = arena.add("other")

    with pytest.raises(LiftFailed, match=r"network .* has active endpoints"):
        remove_run(arena.client, arena.run_id)  # the network is still in use, and it says so
    assert state_of(web) == "running"
    assert other.id not in [one.id for one in arena.project.containers()]


def test_a_run_under_way_is_not_recovered(arena):
    claim(arena.folder, arena.run_id, Mode.REMOVE)

    with pytest.raises(InputError, match="still under way"):
        recover(arena.folder)


HARNESS_PROGRAM = """
    import sys, pathlib
    from random import Random
    from chaoskit.faults.base import make
    from chaoskit.run.injector import Injector
    from chaoskit.run.keeper import Mode, spawn_keeper
    from chaoskit.target.engine import RUN_LABEL, Project, connect
    from chaoskit.target.hands import AgentHand, Hands
    from chaoskit.target.site import ProjectSite
    from chaoskit.target.surgery import EngineHand
    folder, run_id, image, mode = sys.argv[1:]
    folder, client = pathlib.Path(folder), connect()
    keeper = spawn_keeper(folder=folder, run_id=run_id, lease_s=1.0, mode=Mode(mode))
    hand = AgentHand.beside(
        client, image=lambda: image, labels={RUN_LABEL: run_id}, lease_s=1.0)
    injector = Injector(
        folder=folder, run_id=run_id, site=ProjectSite(Project(run_id, client)),
        hands=Hands(agent=hand, engine=EngineHand(connect)), record=lambda mark: None,
        rng=Random(1))
    injector.inject(make("hang", {"service": "web"}))
    injector.inject(make("pause", {"service": "lb"}))
    print("broken", flush=True)
    sys.stdin.read()
    injector.close(); hand.close(); keeper.goodbye()
"""


@pytest.fixture
def harness(arena):
    """Another process that breaks the arena and waits; ended by the test."""
    started = []

    def start(mode):
        program = textwrap.dedent(HARNESS_PROGRAM)
        words = [str(arena.folder), arena.run_id, arena.agent_image, mode]
        process = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "broken\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def keeper_said(arena):
    path = arena.folder / "keeper.log"
    return path.read_text() if path.exists() else ""


def test_a_harness_that_ends_well_leaves_neither_fault_nor_keeper(arena, harness):
    web, lb = arena.add("web"), arena.add("lb")
    process = harness("undo")
    assert set(process_states(web)) == {"T"}
    assert state_of(lb) == "paused"
    process.stdin.close()

    assert process.wait(30) == 0
    assert serves(web)
    assert serves(lb)
    assert not (arena.folder / HARNESS).exists()
    assert keeper_said(arena) == ""
    assert agents(arena) == []


def test_a_harness_that_is_killed_is_cleaned_up_after(arena, harness):
    web, lb = arena.add("web"), arena.add("lb")
    process = harness("undo")
    process.kill()
    process.wait()

    assert wait_until(lambda: "done:" in keeper_said(arena), timeout_s=60), keeper_said(arena)
    assert serves(web)
    assert serves(lb)
    assert agents(arena) == []
    assert owner_of(arena.folder) is None
    assert UndoLog(arena.folder).open_entries() == ()


def test_a_harness_that_is_killed_leaves_nothing_in_remove_mode(arena, harness):
    arena.add("web")
    arena.add("lb")
    process = harness("remove")
    process.kill()
    process.wait()

    assert wait_until(lambda: "done:" in keeper_said(arena), timeout_s=60), keeper_said(arena)
    assert things_of(arena) == []


def test_everything_stopped_and_continued_lifts_at_once(arena, harness):
    web = arena.add("web")
    arena.add("lb")
    process = harness("undo")
    agent_pid = agents(arena)[0].attrs["State"]["Pid"]
    for pid in (process.pid, agent_pid):
        os.kill(pid, signal.SIGSTOP)
    assert not wait_until(lambda: "S" in process_states(web), timeout_s=1.5)
    for pid in (agent_pid, process.pid):
        os.kill(pid, signal.SIGCONT)

    assert wait_until(lambda: "T" not in process_states(web), timeout_s=2)


def test_harness_agent_and_keeper_killed_is_seen_and_recovered(arena, harness, tmp_path):
    web, lb = arena.add("web"), arena.add("lb")
    process = harness("undo")
    keeper = keeper_of(process.pid)
    os.kill(keeper, signal.SIGKILL)
    agents(arena)[0].kill()
    process.kill()
    process.wait()
    (left,) = [
        one for one in leftovers(arena.client, tmp_path.parent) if one.run_id == arena.run_id
    ]

    assert left.folder == arena.folder
    assert any("hang of web-1" in one for one in left.things)
    assert left.command == f"chaoskit recover {arena.folder}"
    recover(left.folder)  # the mode is the run's own: undo
    assert serves(web)
    assert serves(lb)


def keeper_of(parent):
    children = subprocess.run(
        ["pgrep", "-P", str(parent), "-f", "chaoskit.run.keeper"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(children.stdout)


def test_a_keeper_ignores_the_signals_that_end_a_terminal_session(tmp_path):
    keeper = spawn_keeper(folder=tmp_path, run_id="quiet", lease_s=1, mode=Mode.UNDO)
    status = Path(f"/proc/{keeper.process.pid}/status")

    def ignored():
        lines = status.read_text().splitlines()
        line = next(one for one in lines if one.startswith("SigIgn"))
        bits = int(line.split()[1], 16)
        return all(bits >> (number - 1) & 1 for number in (1, 2, 15))

    assert wait_until(ignored, timeout_s=10)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        keeper.process.send_signal(number)
    assert keeper.process.poll() is None
    keeper.goodbye()
    assert keeper.process.returncode == 0
    keeper.goodbye()


SESSION_PROGRAM = """
    from chaoskit.faults import hang, lifting, pause
    done = hang.inject(service="web", pick="web-1")
    print(done["fault"], flush=True)
    input()
    print(lifting.lift_all()["lifted"], flush=True)
    pause.inject(service="web")
    print("paused", flush=True)
    input()
"""


def session(arena, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SESSION_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CHAOSKIT_REPORTS": str(arena.folder), **environment},
    )


def test_a_plain_chaos_run_finds_the_standing_target_and_lifts_at_its_end(arena):
    name = f"standing-{arena.run_id}"
    web = arena.add("web", labels={UP_LABEL: name})
    with session(arena, CHAOSKIT_TARGET=name) as process:
        assert process.stdout.readline() == "hang\n"
        assert set(process_states(web)) == {"T"}
        process.stdin.write("\n")
        process.stdin.flush()
        assert "continued" in process.stdout.readline()
        assert serves(web)
        assert process.stdout.readline() == "paused\n"
        assert state_of(web) == "paused"
        _, said = process.communicate("\n", timeout=30)

    assert process.returncode == 0
    assert "lifted at the end of the process" in said
    assert serves(web)
    (folder,) = (arena.folder / f"up-{name}").iterdir()
    assert not (folder / HARNESS).exists()
    kinds = [json.loads(line)["kind"] for line in (folder / "marks.jsonl").read_text().splitlines()]
    assert kinds == ["injected", "in_effect", "lifted"] * 2


@pytest.mark.parametrize(("wanted", "words"), [("nowhere", "names 'nowhere', which is not up")])
def test_a_target_that_is_not_up_is_refused_with_what_is(arena, wanted, words):
    arena.add("web", labels={UP_LABEL: f"standing-{arena.run_id}"})
    with session(arena, CHAOSKIT_TARGET=wanted) as process:
        _, said = process.communicate("\n", timeout=30)

    assert process.returncode == 1
    assert words in said
    assert f"standing-{arena.run_id}" in said
