"""Process and resource faults on real containers: each bites, and nothing of it is left.

What an instance is limited to is read from inside, by its own control groups and by the limits of
its main process: neither the agent nor the fault is asked.
"""

import json

import pytest

from chaoskit.errors import FaultRefused
from chaoskit.run.clock import wait_until
from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL
from tests.docker.arena import pid_of, process_states, serves, state_of

pytestmark = pytest.mark.docker

# Every limit that a fault could have left, and every group of somebody else's: one state to compare.
LOOK = """
import json, pathlib, resource
root = pathlib.Path("/sys/fs/cgroup")
wanted = ("pids.max", "cpu.cfs_quota_us", "cpu.max", "memory.limit_in_bytes", "memory.max",
          "memory.memsw.limit_in_bytes", "memory.swap.max")
groups = [root] if (root / "cgroup.controllers").exists() else [root / one for one in
          ("pids", "cpu", "memory")]
found = {name: (group / name).read_text() for group in groups for name in wanted
         if (group / name).exists()}
found["children"] = [one.name for group in groups for one in group.iterdir() if one.is_dir()]
found["nofile"] = [line.split()[3:5] for line in pathlib.Path("/proc/1/limits").read_text()
                   .splitlines() if line.startswith("Max open")]
found["score"] = pathlib.Path("/proc/1/oom_score_adj").read_text()
print(json.dumps(found))
"""

# One second of work inside; how much CPU time it got.
WORK = """
import time
end = time.monotonic() + 1
while time.monotonic() < end: pass
print(time.process_time())
"""

# Serves like the arena's server, notes a USR1 in its answer, and forks a child for it.
NOTING = """
import http.server, os, signal, sys, time
noted = []
def note(*_):
    noted.append(1)
    if os.fork() == 0:
        while True: time.sleep(60)
signal.signal(signal.SIGUSR1, note)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
class Server(http.server.HTTPServer):
    def service_actions(self):
        if noted: print("noted", flush=True); noted.clear()
server = Server(("", 8080), Answer)
print("up", flush=True)
server.serve_forever(0.05)
"""

# On cgroup v1, or else on v2.
USED = {
    "memory": "cat memory/memory.usage_in_bytes 2>/dev/null || cat memory.current",
    "cpu": "cat cpuacct/cpuacct.usage 2>/dev/null || awk '/usage_usec/ {print $2 * 1000}' cpu.stat",
}

# The descriptor limits of everybody who serves inside; what asks is not among them.
LIMITS = """
import json, pathlib
rows = []
for one in pathlib.Path("/proc").glob("[0-9]*"):
    if b"serve_" + b"forever" in (one / "cmdline").read_bytes():
        text = (one / "limits").read_text().splitlines()
        rows += [line.split()[3:5] for line in text if line.startswith("Max open")]
print(json.dumps(rows))
"""


def look(container):
    result = container.exec_run(["python3", "-c", LOOK], user="0")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def work_done(container):
    result = container.exec_run(["python3", "-c", WORK])
    assert result.exit_code == 0, result.output
    return float(result.output)


def used(container, what):
    """Memory in bytes or CPU time in ns that an instance has used, by its own control group."""
    result = container.exec_run(["sh", "-c", USED[what]], workdir="/sys/fs/cgroup")
    return int(result.output)


def came_back(container, before):
    def fresh():
        return pid_of(container) not in {0, before} and serves(container)

    return wait_until(fresh, timeout_s=20)


def agents(arena):
    filters = {"label": [f"{RUN_LABEL}={arena.run_id}", ROLE_LABEL]}
    return arena.client.containers.list(filters=filters)


def helpers(arena):
    """The command lines of the agent's helpers on this host."""
    listed = [row for one in agents(arena) for row in one.top(ps_args="-eo pid,args")["Processes"]]
    return [row[1] for row in listed if f"chaoskit:{arena.run_id}/" in row[1]]


def test_a_signal_reaches_the_handler_and_a_useless_one_is_refused(arena):
    web = arena.add("web", restart="always")
    before = pid_of(web)
    with pytest.raises(
        FaultRefused, match="no handler for SIGUSR1, and the kernel spares number 1"
    ):
        arena.inject("signal", signal="USR1")
    assert serves(web)
    (evidence,) = arena.inject("signal", signal="TERM").evidence

    assert "SIGTERM taken" in evidence
    assert came_back(web, before)
    assert web.attrs["RestartCount"] == 1


def test_a_named_process_hangs_or_dies_and_the_main_one_lives_unless_it_is_meant(arena):
    web = arena.add("web")
    assert process_states(web) == ["S", "S"]
    hung = arena.inject("hang", process="python3")
    assert sorted(process_states(web)) == ["S", "T"]
    (gone,) = arena.injector.lift(hung.fault_id)
    assert "1 continued" in gone.evidence
    assert serves(web)
    (evidence,) = arena.inject("kill_process", process="python3").evidence

    assert "1 ended" in evidence
    assert serves(web)
    assert wait_until(lambda: process_states(web) == ["S"], timeout_s=5)
    with pytest.raises(FaultRefused, match="no process of the instance matches 'nginx'"):
        arena.inject("kill_process", process="nginx")
    arena.inject("kill_process", command="http.server", main=True)
    assert wait_until(lambda: state_of(web) == "exited", timeout_s=10)


def test_a_crash_loop_kills_so_often_and_the_instance_stays_up_afterwards(arena):
    web = arena.add("web", restart="always")
    done = arena.inject("crash_loop", times=3, after="100ms")
    assert wait_until(
        lambda: "3 of 3 kills" in arena.injector.check(done.fault_id)[1], timeout_s=20
    )
    assert came_back(web, 0)
    assert web.attrs["RestartCount"] == 3
    (gone,) = arena.injector.lift(done.fault_id)

    assert "3 of 3 kills were done; 1 killer ended" in gone.evidence
    assert helpers(arena) == []


def test_a_crash_loop_ends_with_its_lift_and_with_its_agent(arena):
    web = arena.add("web", restart="always")
    before = pid_of(web)
    done = arena.inject("crash_loop", times=50, after="10s")
    assert came_back(web, before)
    second = pid_of(web)
    arena.injector.lift(done.fault_id)

    assert helpers(arena) == []
    assert pid_of(web) == second
    again = arena.inject("crash_loop", times=50, after="10s")
    assert came_back(web, second)
    third = pid_of(web)
    for agent in agents(arena):
        agent.kill()
    assert wait_until(lambda: agents(arena) == [], timeout_s=10)
    (gone,) = arena.injector.lift(again.fault_id)
    assert "0 killer ended" in gone.evidence
    assert pid_of(web) == third


def test_no_process_or_thread_can_be_started_until_it_is_lifted(arena):
    web = arena.add("web")
    state = look(web)
    some = arena.inject("fork_pressure", leave=5)
    assert "promised 5 more, 5 could be started" in some.evidence[0]
    assert serves(web)  # it starts a thread for each request
    with pytest.raises(FaultRefused, match="holds the instance's pids limit already"):
        arena.inject("fork_pressure", leave=0)
    arena.injector.lift(some.fault_id)
    none = arena.inject("fork_pressure", leave=0)

    assert "the next fork was refused with EAGAIN" in none.evidence[0]
    assert not serves(web)
    arena.injector.lift(none.fault_id)
    assert wait_until(lambda: serves(web), timeout_s=5)
    assert look(web) == state


def test_no_descriptor_can_be_opened_until_it_is_lifted_also_for_another_user(arena):
    arena.add("web", command=["python3", "-u", "-c", NOTING], user="1000:1000", ready=is_up)
    (web,) = arena.project.containers()
    state = look(web)
    done = arena.inject("descriptor_exhaustion")

    assert not answers(web)
    arena.inject("signal", signal="USR1")  # a child that inherits the lowered limit
    assert wait_until(lambda: b"noted" in web.logs(), timeout_s=5)
    assert [one[0] for one in limits_inside(web)] != [state["nofile"][0][0]] * 2
    (gone,) = arena.injector.lift(done.fault_id)
    assert "2 limits put back, none is lowered" in gone.evidence
    assert limits_inside(web) == [state["nofile"][0]] * 2
    assert wait_until(lambda: answers(web), timeout_s=5)
    assert look(web) == state


def is_up(container):
    return b"up" in container.logs()


def answers(container):
    ask = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/', timeout=0.5).read()"
    return container.exec_run(["python3", "-c", ask]).exit_code == 0


def limits_inside(container):
    """The descriptor limits of the server and of its child."""
    result = container.exec_run(["python3", "-c", LIMITS], user="0")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_quota_takes_cpu_time_away_until_it_is_lifted(arena):
    web = arena.add("web")
    state = look(web)
    done = arena.inject("cpu_quota", quota="10%")

    assert "promised 10.0% of a CPU, measured" in done.evidence[0]
    assert work_done(web) < 0.2
    assert arena.injector.check(done.fault_id)[0]
    arena.injector.lift(done.fault_id)
    assert wait_until(lambda: work_done(web) > 0.25, timeout_s=20)
    assert look(web) == state


def test_a_hog_uses_the_cpu_in_the_name_of_the_instance_and_ends(arena):
    web = arena.add("web")
    state = look(web)
    done = arena.inject("cpu_hog", workers=2)

    assert "2 workers, promised to want 200% of a CPU" in done.evidence[0]
    assert len(helpers(arena)) == 3
    before = used(web, "cpu")
    assert wait_until(lambda: used(web, "cpu") - before > 2e8, timeout_s=20)
    arena.injector.lift(done.fault_id)
    assert helpers(arena) == []
    assert look(web) == state


def test_a_hog_takes_memory_of_the_limit_and_gives_it_back(arena):
    web = arena.add("web", mem_limit="256m")
    state, before = look(web), used(web, "memory")
    done = arena.inject("memory_hog", size="40%")

    assert "promised 102.4 MiB, measured 102" in done.evidence[0]
    assert used(web, "memory") - before > 90 << 20
    assert serves(web)
    with pytest.raises(FaultRefused, match="do not fit: the instance uses"):
        arena.inject("memory_hog", size="200MiB")
    arena.injector.lift(done.fault_id)
    assert used(web, "memory") - before < 20 << 20
    assert helpers(arena) == []
    assert look(web) == state


def test_a_hog_without_any_limit_must_leave_the_host_a_quarter(arena):
    arena.add("web")

    with pytest.raises(FaultRefused, match="at least 25% must stay free"):
        arena.inject("memory_hog", size="100000GiB")
    with pytest.raises(FaultRefused, match="The instance has no memory limit"):
        arena.inject("memory_hog", size="30%")


def test_a_memory_limit_ends_in_an_oom_kill_of_the_service_and_no_limit_stays(arena):
    web = arena.add("web", restart="always", mem_limit="256m", user="1000:1000")
    state, before = look(web), pid_of(web)
    done = arena.inject("memory_limit")

    assert "its group counted 1 OOM kill" in done.evidence[0]
    assert came_back(web, before)
    assert look(web) == state
    (gone,) = arena.injector.lift(done.fault_id)
    assert "restarted" in gone.evidence
    assert look(web) == state
    assert helpers(arena) == []


def test_the_engine_takes_the_kill_for_what_it_is(arena):
    web = arena.add("web")
    with pytest.raises(FaultRefused, match="are not above the"):
        arena.inject("memory_limit", limit="2MiB")
    assert serves(web)
    done = arena.inject("memory_limit")

    assert wait_until(lambda: state_of(web) == "exited", timeout_s=10)
    assert (web.attrs["State"]["OOMKilled"], web.attrs["State"]["ExitCode"]) == (True, 137)
    assert "gone" in arena.injector.lift(done.fault_id)[0].evidence


def hold_everything(arena):
    """One of each held fault on web."""
    return [
        arena.inject("cpu_quota", quota="30%"),
        arena.inject("memory_hog", size="64MiB"),
        arena.inject("cpu_hog", workers=1, load="20%"),
        arena.inject("fork_pressure", leave=50),
        arena.inject("descriptor_exhaustion", leave=100),
    ]


def test_a_restart_meanwhile_is_not_hindered_and_ends_every_limit(arena):
    web = arena.add("web", restart="always", mem_limit="256m")
    state, before = look(web), pid_of(web)
    held = hold_everything(arena)
    assert look(web) != state
    arena.inject("crash")
    assert came_back(web, before)
    assert look(web) == state

    assert not any(arena.injector.check(one.fault_id)[0] for one in held)
    assert len(arena.injector.lift_all()) == len(held)
    assert look(web) == state
    assert helpers(arena) == []


def test_a_killed_agent_takes_its_hogs_along_and_its_successor_lifts_the_limits(arena):
    web = arena.add("web", mem_limit="256m")
    state, before = look(web), used(web, "memory")
    held = hold_everything(arena)
    for agent in agents(arena):
        agent.kill()

    assert wait_until(lambda: used(web, "memory") - before < 20 << 20, timeout_s=10)
    assert look(web) != state
    assert len(arena.injector.lift_all()) == len(held)
    assert look(web) == state
    assert helpers(arena) == []
    assert serves(web)
