"""Process and resource faults without an engine: arguments, control groups as folders, forks.

The control groups of version 2 are a tree of plain files here: what is written where, and what is
read back. Version 1 is met in earnest in tests/docker.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaoskit.agent import processes
from chaoskit.agent.groups import cgroups, delivery, forked, inside, limits
from chaoskit.agent.groups.cgroups import Change, Group
from chaoskit.agent.kind import Refused
from chaoskit.agent.kinds import (
    deliver,
    descriptors,
    kill_named,
    memory_hog,
    memory_leak,
    stop_named,
)
from chaoskit.errors import FaultRefused
from chaoskit.faults.base import catalogue, make
from chaoskit.model.faults import Doer, Instance, Nature
from chaoskit.model.quantities import parse_cpus, parse_size

WEB = Instance(id="web", name="web-1", service="web", pid=100)
MIB = 1 << 20


class Site:
    """A site is not asked by any of these faults."""


def operation(name, **arguments):
    fault = make(name, {"service": "web", **arguments})
    assert fault.problems() == ()
    (only,) = fault.operations([WEB], Site())
    return only


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "params"),
    [
        ("signal", {"signal": "sigterm"}, "deliver", {"signal": "TERM", "scope": "main"}),
        (
            "kill_process",
            {"process": "nginx"},
            "kill_named",
            {"process": "nginx", "command": None, "main": False},
        ),
        ("crash_loop", {"after": "1s"}, "crash_loop", {"times": 3, "after_s": 1.0}),
        ("fork_pressure", {}, "forks", {"leave": 0}),
        ("descriptor_exhaustion", {"leave": 2}, "descriptors", {"leave": 2}),
        ("cpu_quota", {"quota": "150%"}, "cpu_quota", {"cpus": 1.5}),
        ("cpu_hog", {"workers": 1, "load": 0.5}, "cpu_hog", {"workers": 1, "load": 0.5}),
        ("memory_hog", {"size": "64MiB"}, "memory_hog", {"bytes": 64 * MIB}),
        ("memory_hog", {"size": "30%"}, "memory_hog", {"share": 0.3}),
        ("memory_leak", {"rate": "2MiB"}, "memory_leak", {"rate": 2 * MIB}),
        (
            "disk_leak",
            {"path": "/data", "rate": "64KiB"},
            "disk_leak",
            {"path": "/data", "rate": 1 << 16},
        ),
        ("memory_limit", {}, "memory_limit", {"bytes": None}),
        ("memory_limit", {"limit": "1GiB"}, "memory_limit", {"bytes": 1024 * MIB}),
    ],
)
def test_each_fault_comes_down_to_its_operation(name, arguments, kind, params):
    found = operation(name, **arguments)

    assert (found.kind, found.doer, found.params) == (kind, Doer.AGENT, params)
    assert found.instance is WEB
    assert catalogue()[name].needs == (kind,)


def test_a_hang_means_everybody_or_whoever_is_named():
    everybody, named = operation("hang"), operation("hang", command="serve")

    assert (everybody.kind, everybody.params) == ("signal", {"signal": "STOP", "scope": "all"})
    assert (named.kind, named.params["command"], named.params["main"]) == (
        "stop_named",
        "serve",
        False,
    )
    assert set(catalogue()["hang"].needs) == {everybody.kind, named.kind}


def test_what_the_system_must_repair_itself_is_struck_and_the_rest_is_held():
    natures = {name: catalogue()[name].nature for name in ("signal", "kill_process", "crash_loop")}

    assert natures == {
        "signal": Nature.STRUCK,
        "kill_process": Nature.STRUCK,
        "crash_loop": Nature.HELD,
    }


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("signal", {"signal": "KILL"}, "KILL is what the fault crash does"),
        ("signal", {"signal": "STOP"}, "STOP is what the fault hang does"),
        ("signal", {"signal": "TREM"}, "there is no 'TREM'; choose one such as TERM"),
        ("signal", {"signal": "TERM", "scope": "some"}, "choose from main, all"),
        ("kill_process", {}, "exactly one of process and command"),
        ("kill_process", {"process": "a", "command": "b"}, "exactly one of"),
        ("kill_process", {"command": "("}, "not a regular expression"),
        ("kill_process", {"process": "a", "main": "yes"}, "neither true nor false"),
        ("hang", {"process": "a", "command": "b"}, "exactly one of"),
        ("hang", {"command": "("}, "not a regular expression"),
        ("hang", {"process": "a", "scope": "main"}, "says another thing than process or command"),
        ("crash_loop", {"times": 1}, "times: 1 is not possible; choose a whole number from 2"),
        ("crash_loop", {"after": "soon"}, "after: 'soon' is not a duration"),
        ("fork_pressure", {"leave": -1}, "choose a whole number from 0 to 1000"),
        ("fork_pressure", {"leave": True}, "leave: True is not possible"),
        ("descriptor_exhaustion", {"leave": 1.5}, "leave: 1.5 is not possible"),
        ("cpu_quota", {"quota": "0.5%"}, "choose from 1% of one CPU upwards"),
        ("cpu_quota", {"quota": 0.1}, "write a percentage of one CPU"),
        ("cpu_hog", {"load": "130%"}, "not a share between 0 and 1"),
        ("cpu_hog", {"load": "1%"}, "choose from 5% to 100%"),
        ("cpu_hog", {"workers": 0}, "choose a whole number from 1 to 64"),
        ("memory_hog", {"size": "64"}, "write a number with a unit"),
        ("memory_hog", {"size": "0MiB"}, "is nothing; choose 1MiB or more"),
        ("memory_hog", {"size": "130%"}, "not a share between 0 and 1"),
        ("memory_leak", {"rate": "1kB"}, "cannot be measured; choose 32KiB or more"),
        ("memory_leak", {"rate": "fast"}, "'fast' is not a size"),
        ("disk_leak", {"path": "data", "rate": "1MiB"}, "write one that starts with /"),
        ("memory_limit", {"limit": "1kB"}, "choose 1MiB or more"),
        ("memory_limit", {"limit": "lots"}, "'lots' is not a size"),
    ],
)
def test_an_impossible_value_is_refused_with_what_is_allowed(name, arguments, words):
    with pytest.raises(FaultRefused) as refusal:
        make(name, {"service": "web", **arguments})

    assert words in str(refusal.value)


def test_sizes_and_shares_of_cpus_have_units():
    assert [parse_size(text) for text in ("64MiB", "1.5GiB", "500kB", "7 B")] == [
        64 * MIB,
        1536 * MIB,
        500_000,
        7,
    ]
    assert [parse_cpus(text) for text in ("10%", "150 %")] == [0.1, 1.5]


V1 = """9:name=systemd:/docker/abc
3:pids:/docker/abc
2:cpu,cpuacct:/docker/abc
1:memory:/docker/abc/inner
0::/docker/abc"""
V2 = "0::/system.slice/docker-abc.scope/init.scope"


@pytest.mark.parametrize(
    ("text", "controller", "expected"),
    [
        (V1, "pids", (1, "pids", "/docker/abc")),
        (V1, "cpuacct", (1, "cpu,cpuacct", "/docker/abc")),
        (V1, "memory", (1, "memory", "/docker/abc")),
        (V2, "memory", (2, "", "/system.slice/docker-abc.scope")),
    ],
)
def test_a_group_is_the_one_that_the_engine_made(text, controller, expected):
    where = cgroups.place_in(text, controller, "abc")

    assert (where["version"], where["hierarchy"], where["path"]) == expected


def test_a_kernel_without_the_controller_is_refused():
    with pytest.raises(Refused, match="no control group of pids"):
        cgroups.place_in("4:memory:/docker/abc", "pids", "abc")


@pytest.fixture
def tree(tmp_path):
    """An instance's group of version 2, of plain files."""
    values = {
        "pids.max": "max",
        "pids.current": "7",
        "cpu.max": "max 100000",
        "cpu.stat": "usage_usec 2500\nuser_usec 2000\nnr_throttled 3\n",
        "memory.max": str(256 * MIB),
        "memory.swap.max": "max",
        "memory.current": str(20 * MIB),
        "memory.stat": f"anon 1\ninactive_file {3 * MIB}\n",
        "memory.events": "low 0\noom 2\noom_kill 1\n",
    }
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n", encoding="ascii")
    return Group(version=2, folder=tmp_path)


def test_the_files_of_version_2_are_read_as_what_they_mean(tree):
    assert limits.quota(tree) == (None, 100_000)
    assert limits.cpu_used_ns({"cpuacct": tree}) == 2_500_000
    assert limits.times_throttled(tree) == 3
    assert limits.memory_limit_bytes(tree) == 256 * MIB
    assert limits.memory_used_bytes(tree) == 20 * MIB
    assert limits.memory_cache_bytes(tree) == 3 * MIB
    assert limits.oom_kills(tree) == 1
    assert not limits.oom_killer_is_off(tree)
    assert limits.tasks(tree) == 7


def test_the_changes_of_version_2_say_what_was_there(tree):
    assert limits.quota_changes(tree, 0.1) == (
        Change(file="cpu.max", before="max 100000", after="10000 100000"),
    )
    assert limits.memory_changes(tree, 30 * MIB + 5) == (
        Change(file="memory.swap.max", before="max", after="0"),
        Change(file="memory.max", before=str(256 * MIB), after=str(30 * MIB)),
    )
    assert limits.tasks_changes(tree, 9) == (Change(file="pids.max", before="max", after="9"),)


def test_a_limit_that_takes_nothing_away_is_refused(tree):
    tree.write("cpu.max", "10000 100000")
    tree.write("pids.max", "8")

    with pytest.raises(Refused, match="10% of a CPU already"):
        limits.quota_changes(tree, 0.2)
    with pytest.raises(Refused, match="limited to 8 tasks already"):
        limits.tasks_changes(tree, 9)
    with pytest.raises(Refused, match=r"1000 µs or more, which is 1\.0%"):
        limits.quota_changes(tree, 0.005)


def test_a_held_limit_is_marked_and_put_back_with_its_mark(tree):
    changes = limits.tasks_changes(tree, 9)
    before = sorted(one.name for one in tree.folder.iterdir())
    cgroups.hold(tree, "pids", "run/f1.0", changes)

    assert cgroups.held(tree, "pids", "run/f1.0", changes) == (True, "pids.max is 9")
    assert (tree.folder / "chaoskit.pids.run:f1.0").is_dir()
    assert cgroups.release(tree, "pids", "run/f1.0", changes) == "pids.max is max again"
    assert sorted(one.name for one in tree.folder.iterdir()) == before
    assert not cgroups.held(tree, "pids", "run/f1.0", changes)[0]


def test_two_faults_of_one_limit_are_refused_and_the_first_stays(tree):
    changes = limits.tasks_changes(tree, 9)
    cgroups.hold(tree, "pids", "run/f1.0", changes)

    with pytest.raises(Refused, match=r"another fault \(run:f1.0\) holds the instance's pids"):
        cgroups.hold(tree, "pids", "run/f2.0", limits.tasks_changes(tree, 8))
    assert cgroups.held(tree, "pids", "run/f1.0", changes)[0]


def test_the_group_of_a_restarted_instance_is_left_alone_unless_it_has_our_value(tree):
    changes = limits.tasks_changes(tree, 9)
    tree.write("pids.max", "100")
    assert "restarted" in cgroups.release(tree, "pids", "run/f1.0", changes)
    assert tree.read("pids.max") == "100"

    tree.write("pids.max", "9")
    assert "restarted" in cgroups.release(tree, "pids", "run/f1.0", changes)
    assert tree.read("pids.max") == "max"


def test_a_value_that_somebody_else_wrote_meanwhile_is_left_alone(tree):
    changes = limits.tasks_changes(tree, 9)
    cgroups.hold(tree, "pids", "run/f1.0", changes)
    tree.write("pids.max", "500")

    assert not cgroups.held(tree, "pids", "run/f1.0", changes)[0]
    said = cgroups.release(tree, "pids", "run/f1.0", changes)
    assert said == "pids.max is 500, set by somebody else and left alone"
    assert list(tree.folder.glob("chaoskit*")) == []


def test_a_lift_in_vain_does_not_touch_what_another_fault_holds(tree):
    changes = limits.tasks_changes(tree, 9)
    cgroups.hold(tree, "pids", "run/f1.0", changes)

    assert "left alone" in cgroups.release(tree, "pids", "run/f2.0", changes)
    assert cgroups.held(tree, "pids", "run/f1.0", changes)[0]


def test_a_group_that_is_gone_counts_as_released(tree, tmp_path):
    changes = limits.tasks_changes(tree, 9)
    gone = Group(version=2, folder=tmp_path / "gone")

    assert "instance is gone" in cgroups.release(gone, "pids", "run/f1.0", changes)
    assert not cgroups.held(gone, "pids", "run/f1.0", changes)[0]
    with pytest.raises(Refused, match="undone: the instance is gone"):
        cgroups.hold(gone, "pids", "run/f1.0", changes)


@pytest.mark.parametrize(
    ("numbers", "leave", "limit"),
    [
        ([0, 1, 2, 3], 0, 4),
        ([0, 1, 2, 3], 2, 6),
        ([0, 1, 2, 9], 0, 3),
        ([0, 1, 2, 4], 1, 5),
        ([0, 1, 2, 4], 2, 6),
    ],
)
def test_a_descriptor_limit_leaves_exactly_so_many_free_numbers(numbers, leave, limit):
    assert descriptors.limit_for(numbers, leave) == limit
    assert len(set(range(limit)) - set(numbers)) == leave


SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
HANDLER = (
    "import signal, time; signal.signal(signal.SIGUSR1, lambda *_: None); "
    "signal.signal(signal.SIGHUP, signal.SIG_IGN); " + SLEEPER
)


@pytest.fixture
def start():
    started = []

    def run(program):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"up\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_descriptors_run_out_and_come_back_on_a_real_process(start):
    child = start(SLEEPER)
    before = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
    params = {"pid": child.pid, "leave": 1}
    params |= descriptors.survey(params)
    effect = descriptors.apply(params)

    soft, hard = resource.prlimit(child.pid, resource.RLIMIT_NOFILE)
    assert "1 process: promised 1 more descriptors each, 1 can be opened" in effect.evidence
    assert (soft < 10, hard) == (True, before[1])
    assert descriptors.check(params)[0]
    assert descriptors.undo(params).evidence == "1 limits put back, none is lowered"
    assert resource.prlimit(child.pid, resource.RLIMIT_NOFILE) == before
    assert not descriptors.check(params)[0]
    assert descriptors.undo(params).evidence == "0 limits put back, none is lowered"


def test_without_a_container_only_the_main_process_is_meant(start):
    child = start(SLEEPER)

    assert [one.pid for one in inside.inhabitants({"pid": child.pid})] == [child.pid]


def test_a_handled_signal_is_proven_taken(start):
    child = start(HANDLER)
    params = {"pid": child.pid, "signal": "USR1", "scope": "main"}
    params |= deliver.survey(params)

    assert "SIGUSR1 taken by 1" in deliver.apply(params).evidence
    assert child.poll() is None


def test_a_signal_that_ends_the_process_is_proven_by_its_end(start):
    child = start(SLEEPER)
    params = {"pid": child.pid, "signal": "TERM", "scope": "main"}
    params |= deliver.survey(params)
    deliver.apply(params)

    assert child.wait(5) == -signal.SIGTERM


def test_a_signal_that_the_kernel_throws_away_is_refused_with_the_reason(start):
    child = start(HANDLER)

    with pytest.raises(Refused, match="it ignores SIGHUP; choose a signal that it handles"):
        deliver.survey({"pid": child.pid, "signal": "HUP", "scope": "main"})
    with pytest.raises(Refused, match="SIGWINCH, which does nothing by default"):
        deliver.survey({"pid": child.pid, "signal": "WINCH", "scope": "main"})


def test_a_signal_that_a_stopped_process_does_not_take_is_not_proven(start):
    child = start(HANDLER)
    params = {"pid": child.pid, "signal": "USR1", "scope": "main"}
    params |= deliver.survey(params)
    os.kill(child.pid, signal.SIGSTOP)
    assert processes.poll(lambda: "T" in processes.thread_states(child.pid), timeout_s=5)

    with pytest.raises(Refused, match="still pending"):
        deliver.apply(params)
    assert delivery.is_pending(child.pid, signal.SIGUSR1)


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ({"process": "nosuch"}, "no process of the instance matches 'nosuch'; there are: python"),
        ({"command": "sleep"}, "only the main process matches 'sleep'; say main: true"),
    ],
)
def test_whoever_is_not_there_or_is_the_main_process_is_not_killed(start, which, words):
    child = start(SLEEPER)

    with pytest.raises(Refused) as refusal:
        kill_named.survey({"pid": child.pid, "main": False, **which})
    assert words in str(refusal.value)
    assert child.poll() is None


def test_a_named_process_is_killed_and_its_pidfd_says_so(start):
    child = start(SLEEPER)
    params = {"pid": child.pid, "command": r"time\.sleep", "main": True}
    params |= kill_named.survey(params)

    assert "1 ended" in kill_named.apply(params).evidence
    assert child.wait(5) == -signal.SIGKILL
    assert kill_named.check(params) == (True, "all of them are gone")
    with pytest.raises(Refused, match="every process that was meant ended"):
        kill_named.apply(params)


def test_a_named_process_is_stopped_and_continued(start):
    child = start(SLEEPER)
    params = {"pid": child.pid, "command": r"time\.sleep", "main": True}
    params |= stop_named.survey(params)

    assert "in state T" in stop_named.apply(params).evidence
    assert stop_named.check(params) == (True, "all of them are stopped")
    with pytest.raises(Refused, match="already stopped"):
        stop_named.survey(params)
    assert stop_named.undo(params).evidence == "1 continued, 0 gone, none in state T"
    assert stop_named.check(params) == (False, f"running: [{child.pid}]")
    assert stop_named.undo(params).evidence == "0 continued, 0 gone, none in state T"


def test_a_stopped_process_that_the_system_replaced_counts_as_lifted(start):
    child = start(SLEEPER)
    params = {"pid": child.pid, "command": r"time\.sleep", "main": True}
    params |= stop_named.survey(params)
    stop_named.apply(params)
    child.kill()
    child.wait()

    assert stop_named.check(params) == (False, "1 of them ended")
    assert stop_named.undo(params).evidence == "0 continued, 1 gone, none in state T"
    with pytest.raises(Refused, match="ended before it was stopped"):
        stop_named.apply(params)


@pytest.mark.parametrize(
    ("take", "used", "limit", "words"),
    [
        (90 * MIB, 20 * MIB, 100 * MIB, "use the fault memory-limit"),
        (1 << 50, 0, None, "must stay free"),
        (1 << 50, 0, 1 << 51, "must stay free"),
    ],
)
def test_a_hog_that_would_kill_or_hurt_the_host_is_refused(take, used, limit, words):
    with pytest.raises(Refused) as refusal:
        memory_hog._must_fit(take, used=used, limit=limit)

    assert words in str(refusal.value)


def test_a_leak_leaves_the_host_its_last_quarter(monkeypatch):
    monkeypatch.setattr(limits, "host_memory_bytes", lambda: (1000 * MIB, 500 * MIB))

    assert memory_leak._bounds(used=20 * MIB, limit=100 * MIB) == {
        "room": 80 * MIB,
        "most": 144 * MIB,
    }
    assert memory_leak._bounds(used=20 * MIB, limit=None) == {"room": None, "most": 250 * MIB}
    with pytest.raises(Refused, match="less than 25% of its memory"):
        memory_leak._bounds(used=20 * MIB, limit=300 * MIB)
    monkeypatch.setattr(limits, "host_memory_bytes", lambda: (1000 * MIB, 200 * MIB))
    with pytest.raises(Refused, match="less than 25% of the host's memory is free"):
        memory_leak._bounds(used=0, limit=None)


def test_a_share_of_no_limit_is_refused():
    with pytest.raises(Refused, match="30% of what"):
        memory_hog._wanted({"share": 0.3}, None)
    assert memory_hog._wanted({"share": 0.3}, 100 * MIB) == 30 * MIB


def test_work_aside_brings_back_its_result_its_refusal_or_its_error():
    ours = os.getpid()

    def refuse():
        raise Refused("no")

    def fail():
        Path("/nonexistent").stat()

    assert forked.aside(lambda: [os.getpid() != ours, 7]) == [True, 7]
    with pytest.raises(Refused, match="no"):
        forked.aside(refuse)
    with pytest.raises(FileNotFoundError):
        forked.aside(fail)


def test_work_aside_that_hangs_is_ended():
    with pytest.raises(Refused, match=r"did not come to an end within 0\.2 s"):
        forked.aside(lambda: time.sleep(60), timeout_s=0.2)
