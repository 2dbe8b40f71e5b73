"""The operation `example_nice`: a process's priority. It runs in the agent, a copy of this file.

So it may import the standard library and `chaoskit.agent` only. What a kind must keep to is in
docs/extending.md: the undo works from the parameters alone, and counts "the instance is gone".
"""

import os
import time
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused


def survey(params: Params) -> dict[str, Any]:
    """Whose process it is, and the priority that it has now: what the undo will need."""
    found = instances.look(params)
    before = os.getpriority(os.PRIO_PROCESS, params["pid"])
    if before >= params["nice"]:
        message = f"the process has the nice value {before} already"
        raise Refused(message)
    return {**found, "before": before}


def apply(params: Params) -> Effect:
    """Lower the priority, and read it back."""
    requested_ns = time.monotonic_ns()
    os.setpriority(os.PRIO_PROCESS, params["pid"], params["nice"])
    in_effect_ns = time.monotonic_ns()
    on, evidence = check(params)
    if not on:
        undo(params)
        raise Refused(evidence)
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def check(params: Params) -> tuple[bool, str]:
    """Whether the process has that priority now."""
    if not instances.alive(params):
        return False, "the instance is gone"
    now = os.getpriority(os.PRIO_PROCESS, params["pid"])
    return now == params["nice"], f"the nice value is {now}"


def undo(params: Params) -> Gone:
    """Give the priority back, and read it back."""
    if not instances.alive(params):
        return Gone(gone_ns=time.monotonic_ns(), evidence="the instance is gone")
    os.setpriority(os.PRIO_PROCESS, params["pid"], params["before"])
    now = os.getpriority(os.PRIO_PROCESS, params["pid"])
    if now != params["before"]:
        message = f"the nice value stays {now}"
        raise Refused(message)
    return Gone(gone_ns=time.monotonic_ns(), evidence=f"the nice value is {now} again")


def missing() -> str:
    """Why this agent cannot do it, or ""."""
    return processes.lacking("SYS_NICE")


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=("SYS_NICE",),
    remedy="an engine that lets containers have the capability SYS_NICE",
)
