"""Kind `crash_loop`: every new main process of an instance is killed, a few times.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `times`, `after_s` (of life, before a kill)
and `place` (its pids group). A helper process of the agent watches the group and kills; the fault
is gone when it is.
"""

import time
from typing import Any

from chaoskit.agent import children, instances, processes
from chaoskit.agent.groups import cgroups
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused


def survey(params: Params) -> dict[str, Any]:
    """Where the group is. Raises Refused where a main process cannot be told from others."""
    found = instances.look(params)
    if not processes.first_of_its_namespace(params["pid"]):
        message = (
            "the instance shares its process namespace with others, so that its next main process "
            "could not be told from theirs; use the fault crash"
        )
        raise Refused(message)
    return {**found, "place": cgroups.locate(params, "pids")}


def apply(params: Params) -> Effect:
    """Start the killer, which kills the first one before it says that it is ready."""
    if not instances.alive(params):
        message = "the instance's main process ended before the signal was sent"
        raise Refused(message)
    keys = ("pid", "container", "place", "times", "after_s")
    config = {key: params[key] for key in keys}
    first = children.start("killer", config, tag=params["tag"], ready_s=5.0)
    evidence = f"process {first['pid']} killed, the first of {params['times']}"
    return Effect(
        requested_ns=first["requested_ns"], in_effect_ns=first["in_effect_ns"], evidence=evidence
    )


def check(params: Params) -> tuple[bool, str]:
    """In effect while the killer is there, and how many it has killed so far."""
    try:
        kills = _kills(params)
    except Refused as refusal:
        return False, str(refusal)
    return True, f"{kills} of {params['times']} kills done"


def _kills(params: Params) -> int:
    return int(children.ask(params["tag"], {})["kills"])


def undo(params: Params) -> Gone:
    """End the killer. The system has to bring the instance back."""
    try:
        done = f"{_kills(params)} of {params['times']} kills were done"
    except Refused:
        done = "how many kills were done is not known"
    ended = children.stop(params["tag"])
    evidence = f"{done}; {ended} killer ended, none is left"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot watch and kill, or ""."""
    return processes.lacking("KILL", "SYS_PTRACE", "SYS_ADMIN")


KIND = Kind(apply=apply, check=check, undo=undo, missing=missing, survey=survey)
