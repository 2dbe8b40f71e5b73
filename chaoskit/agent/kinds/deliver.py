"""Kind `deliver`: a signal of any name but KILL and STOP, which the kind `signal` does.

Parameters: `pid`, `start_ticks`, `container`, `signal` (such as TERM), `scope` (main or all), and
`targets`: a list of `{"pid", "ticks"}`.

Proven by the kernel's own books: the signal is no longer pending, or the process has ended.
"""

import os
import signal
import time
from contextlib import suppress
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import delivery, inside
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_PROOF_S = 2.0  # a process in uninterruptible sleep takes no signal before it wakes


def survey(params: Params) -> dict[str, Any]:
    """Who will notice the signal. Raises Refused when nobody would."""
    found = instances.look(params)
    everybody = inside.inhabitants(params)
    meant = everybody if params.get("scope") == "all" else everybody[:1]
    reasons = {one.pid: delivery.why_useless(one.pid, params["signal"]) for one in meant}
    takers = [one for one in meant if not reasons[one.pid]]
    if not takers:
        main = reasons.get(params["pid"], "it is gone")
        message = (
            f"SIG{params['signal']} would have no effect: process {params['pid']} is there, but "
            f"{main}; choose a signal that it handles, or the fault crash"
        )
        raise Refused(message)
    return {**found, "targets": [{"pid": one.pid, "ticks": one.ticks} for one in takers]}


def apply(params: Params) -> Effect:
    """Send it, and see it taken."""
    number = delivery.number_of(params["signal"])
    requested_ns = time.monotonic_ns()
    sent = [one["pid"] for one in params["targets"] if _send(one, number)]
    if not sent:
        message = "every process that was meant ended before the signal was sent"
        raise Refused(message)

    def taken() -> bool:
        return not any(delivery.is_pending(pid, number) for pid in sent)

    proven = processes.poll(taken, timeout_s=_PROOF_S)
    in_effect_ns = time.monotonic_ns()
    if not proven:
        waiting = [pid for pid in sent if delivery.is_pending(pid, number)]
        message = (
            f"SIG{params['signal']} is still pending for {waiting} after {_PROOF_S:g} s and cannot "
            "be taken back: the process blocks it, or does not run"
        )
        raise Refused(message)
    ended = [pid for pid in sent if processes.start_ticks(pid) is None]
    words = f"{len(ended)} of them ended at once" if ended else "none of them ended at once"
    evidence = f"SIG{params['signal']} taken by {len(sent)} of its processes; {words}"
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _send(one: dict[str, int], number: signal.Signals) -> bool:
    """Send to exactly that process; whether it was still there."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(one["pid"])
        try:
            if processes.same_process(one["pid"], one["ticks"]):
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def check(params: Params) -> tuple[bool, str]:
    """A signal that was taken stays taken; what is told is who of them is left."""
    left = [one for one in params["targets"] if processes.same_process(one["pid"], one["ticks"])]
    return True, f"{len(left)} of {len(params['targets'])} processes still run"


def undo(_params: Params) -> Gone:
    """A signal has no undo: only the system repairs it."""
    return Gone(gone_ns=time.monotonic_ns(), evidence="a signal is not undone")


def missing() -> str:
    """Why this agent cannot send signals, or ""."""
    return processes.lacking("KILL", "SYS_PTRACE")


KIND = Kind(apply=apply, check=check, undo=undo, missing=missing, survey=survey)
