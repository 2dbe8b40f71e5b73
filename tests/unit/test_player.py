"""The worker runs chaoslib for real; these experiments touch nothing but a folder of the test."""

import json
import os
import signal
from pathlib import Path

import pytest

from chaoskit.run.clock import wait_until
from chaoskit.run.player import Player, WorkerDied


def experiment(tmp_path, **changes):
    def touch(name):
        return {
            "type": "action",
            "name": name,
            "provider": {
                "type": "process",
                "path": "touch",
                "arguments": [str(tmp_path / name)],
            },
        }

    return {
        "title": "t",
        "description": "d",
        "steady-state-hypothesis": {
            "title": "the folder is there",
            "probes": [
                {
                    "type": "probe",
                    "name": "folder",
                    "tolerance": True,
                    "provider": {
                        "type": "python",
                        "module": "os.path",
                        "func": "isdir",
                        "arguments": {"s": str(tmp_path)},
                    },
                }
            ],
        },
        "configuration": {"where": str(tmp_path)},
        "method": [touch("acted")],
        "rollbacks": [touch("rolled-back")],
        **changes,
    }


@pytest.fixture
def play(tmp_path):
    players = []

    def start(document, orders=lambda _what, _fields: {}):
        player = Player(orders=orders, log=tmp_path / "worker.log")
        players.append(player)
        player.give(document)
        return player

    yield start
    for player in players:
        player.end()


def run_through(player, journal):
    player.begin(journal)
    for gate in ("method", "watched", "lifted"):
        player.release(gate)
    player.wait_for(lambda: player.result is not None, timeout_s=30, what="the trial")
    return player.result


def test_a_trial_stops_at_every_gate_until_it_is_released(play, tmp_path):
    player = play(experiment(tmp_path))
    player.begin(tmp_path / "journal.json")

    player.wait_for(lambda: player.reached("method"), timeout_s=30, what="the gate")
    assert not (tmp_path / "acted").exists()

    player.release("method")
    player.wait_for(lambda: player.reached("watched"), timeout_s=30, what="the gate")
    assert (tmp_path / "acted").exists()
    player.release("watched")
    player.wait_for(lambda: player.reached("lifted"), timeout_s=30, what="the gate")
    assert not (tmp_path / "rolled-back").exists()

    player.release("lifted")
    player.wait_for(lambda: player.result is not None, timeout_s=30, what="the end")
    assert (tmp_path / "rolled-back").exists()
    assert player.result["status"] == "completed"
    assert player.result["steady_before"] is True
    assert player.result["steady_after"] is True
    assert json.loads((tmp_path / "journal.json").read_text())["status"] == "completed"


def test_several_trials_run_in_one_worker(play, tmp_path):
    player = play(experiment(tmp_path))

    results = [run_through(player, tmp_path / f"{n}.json") for n in range(3)]

    assert [one["status"] for one in results] == ["completed"] * 3


def test_a_refused_method_is_not_played_and_neither_are_rollbacks(play, tmp_path):
    player = play(experiment(tmp_path))
    player.begin(tmp_path / "journal.json")
    player.wait_for(lambda: player.reached("method"), timeout_s=30, what="the gate")

    player.refuse("method")
    player.wait_for(lambda: player.result is not None, timeout_s=30, what="the end")

    assert player.result["status"] == "interrupted"
    assert not (tmp_path / "acted").exists()
    assert not (tmp_path / "rolled-back").exists()


def test_an_interrupted_trial_plays_its_rollbacks(play, tmp_path):
    player = play(experiment(tmp_path))
    player.begin(tmp_path / "journal.json")
    player.release("method")
    player.wait_for(lambda: player.reached("watched"), timeout_s=30, what="the gate")

    player.interrupt()

    assert player.result is not None
    assert (tmp_path / "rolled-back").exists()


def test_what_chaoslib_swallows_is_told(play, tmp_path):
    broken = {
        "type": "action",
        "name": "breaks",
        "provider": {
            "type": "python",
            "module": "os",
            "func": "rmdir",
            "arguments": {"path": "/nowhere"},
        },
    }
    outside = {
        "type": "probe",
        "name": "outside",
        "tolerance": 5,
        "provider": {"type": "python", "module": "os", "func": "getpid"},
    }
    control = {"name": "absent", "provider": {"type": "python", "module": "no_such_module"}}
    document = experiment(
        tmp_path, method=[broken, outside], rollbacks=[broken], controls=[control]
    )

    player = play(document)
    result = run_through(player, tmp_path / "journal.json")

    assert player.resolved()["missing_controls"] == ["absent: module no_such_module not found"]
    assert [one.split(":")[0] for one in result["failed_activities"]] == ["breaks", "outside"]
    assert [one.split(":")[0] for one in result["failed_rollbacks"]] == ["breaks"]


def test_an_unmet_hypothesis_is_told_and_ends_the_trial(play, tmp_path):
    document = experiment(tmp_path)
    document["steady-state-hypothesis"]["probes"][0]["tolerance"] = False
    player = play(document)
    player.begin(tmp_path / "journal.json")
    player.wait_for(lambda: player.result is not None, timeout_s=30, what="the end")

    assert player.result["steady_before"] is False
    assert not (tmp_path / "acted").exists()
    assert not (tmp_path / "rolled-back").exists()


def test_a_worker_that_never_got_an_experiment_ends(tmp_path):
    with Player(orders=lambda _what, _fields: {}, log=tmp_path / "worker.log") as player:
        pid = player.pid

    assert not Path(f"/proc/{pid}").exists()


def test_names_are_filled_in_for_the_prober(play, tmp_path):
    document = experiment(tmp_path)
    probe = document["steady-state-hypothesis"]["probes"][0]
    probe["provider"]["arguments"]["s"] = "${where}"

    resolved = play(document).resolved()

    assert resolved["probes"][0]["provider"]["arguments"]["s"] == str(tmp_path)


def test_a_worker_that_is_killed_is_noticed(play, tmp_path):
    player = play(experiment(tmp_path))
    player.resolved()
    os.kill(player.pid, signal.SIGKILL)

    with pytest.raises(WorkerDied):
        player.wait_for(lambda: False, timeout_s=10, what="anything")


def test_a_worker_leaves_no_process_behind(play, tmp_path):
    sleeper = {
        "type": "action",
        "name": "sleeper",
        "background": True,
        "provider": {
            "type": "process",
            "path": "sh",
            "arguments": f"-c 'echo $$ > {tmp_path}/pid; exec sleep 99'",
        },
    }
    player = play(experiment(tmp_path, method=[sleeper]))
    player.begin(tmp_path / "journal.json")
    player.release("method")
    pid_file = Path(tmp_path / "pid")
    assert wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), timeout_s=20)

    player.end()

    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()
