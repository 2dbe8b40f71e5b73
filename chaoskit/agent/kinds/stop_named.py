"""Kind `stop_named`: SIGSTOP to processes inside an instance, by name or by command line.

Parameters: those of `kill_named`, whose survey says who is meant. Whoever supervises them inside the
instance runs on, and can do something about it.

Proven by the state of every thread of each process.
"""

import os
import signal
import time
from contextlib import suppress
from typing import Any

from chaoskit.agent import processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.kinds import kill_named

_PROOF_S = 2.0
_STOPPED = frozenset("Tt")


def survey(params: Params) -> dict[str, Any]:
    """Who matches. Raises Refused when nobody does, or one of them is stopped already."""
    found = kill_named.survey(params)
    already = [one["pid"] for one in found["targets"] if _stopped(one["pid"])]
    if already:  # a stop of somebody else's is not ours to lift
        message = f"processes {already} are already stopped, by somebody else or by another fault"
        raise Refused(message)
    return found


def apply(params: Params) -> Effect:
    """Stop them, and see that they stand still."""
    requested_ns = time.monotonic_ns()
    meant = _send(params, signal.SIGSTOP)
    if not meant:
        message = "every process that was meant ended before it was stopped"
        raise Refused(message)
    proven = processes.poll(lambda: all(map(_stopped, meant)), timeout_s=_PROOF_S)
    in_effect_ns = time.monotonic_ns()
    if not proven:
        undo(params)
        message = f"not every thread of {meant} stopped within {_PROOF_S:g} s; continued"
        raise Refused(message)
    names = ", ".join(f"{one['name']} ({one['pid']})" for one in params["targets"])
    evidence = f"all threads in state T: {names}"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def check(params: Params) -> tuple[bool, str]:
    """In effect while all of them are there and stopped; one that was replaced is healed."""
    running = [pid for pid in _there(params) if not _stopped(pid)]
    gone = len(params["targets"]) - len(_there(params))
    if running:
        return False, f"running: {running}"
    return not gone, f"{gone} of them ended" if gone else "all of them are stopped"


def undo(params: Params) -> Gone:
    """Continue those that are still there."""
    continued: set[int] = set()

    def nothing_is_stopped() -> bool:
        stopped = [pid for pid in _there(params) if "T" in processes.thread_states(pid)]
        if stopped:
            continued.update(_send(params, signal.SIGCONT))
        return not stopped

    if not processes.poll(nothing_is_stopped, timeout_s=_PROOF_S):
        message = f"processes stay stopped after SIGCONT: {sorted(continued)}"
        raise Refused(message)
    gone = len(params["targets"]) - len(_there(params))
    evidence = f"{len(continued)} continued, {gone} gone, none in state T"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def _there(params: Params) -> list[int]:
    """Those that were surveyed and still run; a pid may be another process's by now."""
    return [
        one["pid"] for one in params["targets"] if processes.same_process(one["pid"], one["ticks"])
    ]


def _send(params: Params, number: signal.Signals) -> list[int]:
    """A signal to each that is there; returns those."""
    reached = []
    for pid in _there(params):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            reached.append(pid)
    return reached


def _stopped(pid: int) -> bool:
    """Whether the process is there and every thread of it stands still."""
    states = processes.thread_states(pid)
    return bool(states) and _STOPPED.issuperset(states)


def missing() -> str:
    """Why this agent cannot send signals, or ""."""
    return processes.lacking("KILL", "SYS_PTRACE")


KIND = Kind(apply=apply, check=check, undo=undo, missing=missing, survey=survey)
