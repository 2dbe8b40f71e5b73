"""Kind `signal`: SIGKILL or SIGSTOP from the host's pid namespace, as a real crash or hang comes.

The engine is not asked, because it takes a kill through its API for a wish of its operator and its
restart policy then stays out of it.

Parameters: `pid` and `start_ticks` of the container's main process, `signal` (KILL or STOP),
`scope` (main, or all: every process of its pid namespace), `container` (the id, to be sure whose
process it is), `pid_namespace` (its inode), `companions` (the other processes seen there before).
"""

import os
import select
import signal
import time
from collections.abc import Iterable
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_PROOF_S = 2.0  # a process in uninterruptible sleep takes no signal before it wakes
_STOPPED = frozenset("Tt")


def survey(params: Params) -> dict[str, Any]:
    """The main process's start time and namespace. Raises Refused where nothing can be done."""
    pid = params["pid"]
    if pid <= 0:
        message = "the instance is not running"
        raise Refused(message)
    ticks = processes.start_ticks(pid)
    if ticks is None:
        message = f"there is no process {pid}; is the engine on this host?"
        raise Refused(message)
    container = params.get("container", "")
    if container and not processes.in_container(pid, container):
        message = f"process {pid} does not belong to container {container[:12]}"
        raise Refused(message)
    if params["signal"] == "STOP":
        _must_run(pid)
    if params.get("scope") == "all" and not processes.first_of_its_namespace(pid):
        message = (
            "the instance shares its process namespace with others; there only scope main is safe"
        )
        raise Refused(message)
    inode = processes.namespace(pid, "pid")
    companions: list[int] = []
    if inode is not None and processes.first_of_its_namespace(pid):
        companions = [one for one in processes.members(inode, "pid") if one != pid]
    return {"start_ticks": ticks, "pid_namespace": inode, "companions": companions}


def apply(params: Params) -> Effect:
    """Send the signal, and prove that it did what it must."""
    try:
        handle = os.pidfd_open(params["pid"])
    except ProcessLookupError as error:
        raise Refused(_GONE_BEFORE) from error
    try:
        if not processes.same_process(params["pid"], params.get("start_ticks")):
            raise Refused(_GONE_BEFORE)
        return _kill(handle, params) if params["signal"] == "KILL" else _stop(handle, params)
    finally:
        os.close(handle)


_GONE_BEFORE = "the instance's main process ended before the signal was sent"


def _kill(handle: int, params: Params) -> Effect:
    """In effect when no process runs an instruction of its own any more; then waited for to end."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    companions = [one for one in params.get("companions", ()) if _is_inside(one, params)]
    doomed = [params["pid"], *companions]
    requested_ns = time.monotonic_ns()
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    for pid in companions:  # the kernel would kill them a little later, when the first one is gone
        _send(pid, signal.SIGKILL)
    dying = processes.poll(lambda: all(map(processes.is_exiting, doomed)), timeout_s=_PROOF_S)
    in_effect_ns = time.monotonic_ns()
    if not dying or not poller.poll(_PROOF_S * 1000):
        message = (
            f"process {params['pid']} did not end within {_PROOF_S:g} s of SIGKILL (state "
            f"{processes.thread_states(params['pid'])}); the signal is pending and cannot be "
            "taken back"
        )
        raise Refused(message)
    ended_ms = (time.monotonic_ns() - in_effect_ns) / 1e6
    evidence = f"process {params['pid']} ended, its pidfd said so {ended_ms:.1f} ms later"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _stop(handle: int, params: Params) -> Effect:
    """In effect when every thread of every process there is seen stopped."""
    pid = params["pid"]
    _must_run(pid)
    everything = params.get("scope") == "all"
    stopped = {pid}

    def all_quiet() -> bool:
        return all(map(_quiet, stopped))

    requested_ns = time.monotonic_ns()
    signal.pidfd_send_signal(handle, signal.SIGSTOP)  # the parent first: it must not react
    if everything:
        stopped |= _send_stop(params.get("companions", ()), params)
    deadline = time.monotonic() + _PROOF_S
    proven = processes.poll(all_quiet, timeout_s=_PROOF_S)
    in_effect_ns = time.monotonic_ns()
    # Only now, because looking through all of /proc takes a millisecond: anybody else, new children?
    while proven and everything and (others := _still_running(params)):
        stopped |= _send_stop(others, params)
        proven = processes.poll(all_quiet, timeout_s=deadline - time.monotonic())
        in_effect_ns = time.monotonic_ns()
    if not proven or not _all_stopped(pid):
        states = processes.thread_states(pid) or "none, it ended"
        undo(params)
        message = f"not every thread stopped within {_PROOF_S:g} s (states {states}); continued"
        raise Refused(message)
    evidence = f"all threads of {len(stopped)} process{'es' * (len(stopped) > 1)} in state T"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _must_run(pid: int) -> None:
    """A stop of somebody else's is not ours to lift."""
    if _all_stopped(pid):
        message = f"process {pid} is already stopped, by somebody else or by another fault"
        raise Refused(message)


def _send_stop(pids: Iterable[int], params: Params) -> set[int]:
    """Stop these, as far as they belong to the instance; returns those."""
    inside = {pid for pid in pids if _is_inside(pid, params)}
    for pid in inside:
        _send(pid, signal.SIGSTOP)
    return inside


def _is_inside(pid: int, params: Params) -> bool:
    """A pid that was noted earlier may be another process by now, even one of the host."""
    inode = processes.namespace(pid, "pid")
    return inode is not None and inode == params["pid_namespace"]


def _still_running(params: Params) -> list[int]:
    everybody = processes.members(params["pid_namespace"], "pid")
    return [pid for pid in everybody if not _quiet(pid)]


def _all_stopped(pid: int) -> bool:
    """Whether the process lives and every thread of it is stopped."""
    states = processes.thread_states(pid)
    return bool(states) and _STOPPED.issuperset(states)


def _quiet(pid: int) -> bool:
    """Whether nothing of the process runs: it is stopped, or it ended."""
    return _STOPPED.issuperset(processes.thread_states(pid))


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended by itself


def _scope(params: Params) -> list[int]:
    """The processes that the operation covers and that exist now; the main one last."""
    main = params["pid"]
    if params.get("scope") != "all" or params.get("pid_namespace") is None:
        return [main]
    return [pid for pid in processes.members(params["pid_namespace"], "pid") if pid != main] + [
        main
    ]


def check(params: Params) -> tuple[bool, str]:
    """KILL is in effect while that process is gone; STOP while the main process is stopped.

    What the engine runs in the instance since then (its health checks) is not part of the fault.
    """
    here = processes.same_process(params["pid"], params.get("start_ticks"))
    if params["signal"] == "KILL":
        return not here, f"process {params['pid']} " + ("still runs" if here else "is gone")
    if not here:
        return False, "the instance is gone"
    states = processes.thread_states(params["pid"])
    stopped = bool(states) and _STOPPED.issuperset(states)
    return stopped, f"the threads of process {params['pid']} are in state {states}"


def undo(params: Params) -> Gone:
    """Continue whatever is stopped there. A crash has no undo: only the system repairs it."""
    if params["signal"] == "KILL":
        return Gone(gone_ns=time.monotonic_ns(), evidence="a kill is not undone")
    if not processes.same_process(params["pid"], params.get("start_ticks")):
        return Gone(gone_ns=time.monotonic_ns(), evidence="the instance is gone")
    continued: set[int] = set()

    def nothing_is_stopped() -> bool:
        stopped = [pid for pid in _scope(params) if "T" in processes.thread_states(pid)]
        for pid in stopped:
            _send(pid, signal.SIGCONT)
        continued.update(stopped)
        return not stopped

    if not processes.poll(nothing_is_stopped, timeout_s=_PROOF_S):
        message = f"processes of the instance stay stopped after SIGCONT: {sorted(continued)}"
        raise Refused(message)
    evidence = f"{len(continued)} continued, none in state T"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot send signals, or ""."""
    if not hasattr(os, "pidfd_open"):
        return "this Python has no pidfd_open"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return f"the kernel refuses pidfd_open: {error.strerror}"
    return processes.lacking("KILL", "SYS_PTRACE")


KIND = Kind(apply=apply, check=check, undo=undo, missing=missing, survey=survey)
