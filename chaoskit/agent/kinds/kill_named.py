"""Kind `kill_named`: SIGKILL to processes inside an instance, by name or by command line.

Parameters: `pid`, `start_ticks`, `container`, `process` (a name) or `command` (a regular expression
that is searched for in the command line), `main` (whether the main process may be meant), and
`targets`: a list of `{"pid", "ticks", "name"}`.

Proven by pidfds: the kernel says that each process has ended.
"""

import os
import re
import select
import signal
import time
from contextlib import ExitStack, suppress
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import inside
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_PROOF_S = 2.0


def survey(params: Params) -> dict[str, Any]:
    """Who matches. Raises Refused when nobody does, with who is there."""
    found = instances.look(params)
    everybody = inside.inhabitants(params)
    matching = [one for one in everybody if _matches(one, params)]
    meant = [one for one in matching if params.get("main") or one.pid != params["pid"]]
    if not meant:
        raise Refused(_nobody(params, everybody, spared=bool(matching)))
    rows = [{"pid": one.pid, "ticks": one.ticks, "name": one.name} for one in meant]
    return {**found, "targets": rows}


def _matches(one: inside.Inhabitant, params: Params) -> bool:
    if name := params.get("process"):
        return name in {one.name, inside.command_name(one)}
    return re.search(params["command"], one.command) is not None


def _nobody(params: Params, everybody: list[inside.Inhabitant], *, spared: bool) -> str:
    wanted = params.get("process") or params.get("command")
    if spared:
        return f"only the main process matches {wanted!r}; say main: true, or use the fault crash"
    there = sorted({inside.command_name(one) for one in everybody})
    return f"no process of the instance matches {wanted!r}; there are: {', '.join(there)}"


def apply(params: Params) -> Effect:
    """Kill them, and wait for the kernel to say that they have ended."""
    with ExitStack() as stack:
        handles = {}
        for one in params["targets"]:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(one["pid"])
                stack.callback(os.close, handle)
                if processes.same_process(one["pid"], one["ticks"]):
                    handles[one["pid"]] = handle
        if not handles:
            message = "every process that was meant ended before it was killed"
            raise Refused(message)
        requested_ns = time.monotonic_ns()
        for handle in handles.values():
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        _await_ends(handles)
        in_effect_ns = time.monotonic_ns()
    names = ", ".join(f"{one['name']} ({one['pid']})" for one in params["targets"])
    evidence = f"{len(handles)} ended, their pidfds say: {names}"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _await_ends(handles: dict[int, int]) -> None:
    """Return when all have ended. Raises Refused when one does not."""
    poller = select.poll()
    waiting = {handle: pid for pid, handle in handles.items()}
    for handle in waiting:
        poller.register(handle, select.POLLIN)
    deadline = time.monotonic() + _PROOF_S
    while waiting:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            message = (
                f"processes {sorted(waiting.values())} did not end within {_PROOF_S:g} s of "
                "SIGKILL; the signal is pending and cannot be taken back"
            )
            raise Refused(message)
        for handle, _ in poller.poll(left_s * 1000):
            poller.unregister(handle)
            del waiting[handle]


def check(params: Params) -> tuple[bool, str]:
    """In effect while none of them is there; what took their places is the system's repair."""
    left = [
        one["pid"] for one in params["targets"] if processes.same_process(one["pid"], one["ticks"])
    ]
    return not left, f"still there: {left}" if left else "all of them are gone"


def undo(_params: Params) -> Gone:
    """A kill has no undo: only the system repairs it."""
    return Gone(gone_ns=time.monotonic_ns(), evidence="a kill is not undone")


def missing() -> str:
    """Why this agent cannot send signals, or ""."""
    return processes.lacking("KILL", "SYS_PTRACE")


KIND = Kind(apply=apply, check=check, undo=undo, missing=missing, survey=survey)
