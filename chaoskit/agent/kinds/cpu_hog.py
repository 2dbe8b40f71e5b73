"""Kind `cpu_hog`: processes of ours in the instance's CPU group compete with it for CPU time.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `workers`, `load` (the share of a CPU that
each wants) and `places` (its cpu and cpuacct groups).

Proven by the scheduler's count of each worker: the time that it ran, and the time that it wanted to
run and had to wait, which is the pressure that others feel.
"""

import time
from pathlib import Path
from typing import Any

from chaoskit.agent import children, instances
from chaoskit.agent.groups import limits
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.processes import lacking

_WITHIN = 0.10
_WINDOW_S = 0.4
_TRIES = 3


def survey(params: Params) -> dict[str, Any]:
    """Where the instance's CPU time is limited and counted."""
    return {**instances.look(params), "places": limits.cpu_places(params)}


def apply(params: Params) -> Effect:
    """Start the workers, and measure what they want and get; else end them."""
    config = {
        "resource": "cpu",
        "join": list(params["places"].values()),
        "pid": params["pid"],
        "workers": params["workers"],
        "load": params["load"],
    }
    requested_ns = time.monotonic_ns()
    ready = children.start("hog", config, tag=params["tag"])
    in_effect_ns = time.monotonic_ns()
    try:
        evidence = _measured(ready["pids"], params)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _measured(pids: list[int], params: Params) -> str:
    """Promise and measurement. Raises Refused outside of it, OSError when a worker is gone."""
    promised = params["workers"] * params["load"]
    group = limits.groups_at(params["places"])["cpu"]
    throttled = limits.times_throttled(group)
    ran = wanted = 0.0
    for _ in range(_TRIES):
        began_ns, before = time.monotonic_ns(), _times(pids)
        time.sleep(_WINDOW_S)
        after, passed_ns = _times(pids), time.monotonic_ns() - began_ns
        ran = (after[0] - before[0]) / passed_ns
        wanted = ran + (after[1] - before[1]) / passed_ns
        if wanted >= (1 - _WITHIN) * promised:
            break
    throttled = limits.times_throttled(group) - throttled
    words = (
        f"{len(pids)} workers, promised to want {promised:.0%} of a CPU: measured {wanted:.0%} "
        f"wanted, {ran:.0%} got"
    )
    if throttled:  # the scheduler counts no waiting while the instance's own quota is used up
        return f"{words}; the instance's CPU quota was used up {throttled} times"
    if wanted < (1 - _WITHIN) * promised or ran > (1 + _WITHIN) * promised:
        raise Refused(words)
    return words


def _times(pids: list[int]) -> tuple[int, int]:
    """ns that these have run, and ns that they have waited for a CPU. Raises OSError."""
    rows = [Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split() for pid in pids]
    return sum(int(row[0]) for row in rows), sum(int(row[1]) for row in rows)


def check(params: Params) -> tuple[bool, str]:
    """In effect while all workers run."""
    count = len(children.running(params["tag"])) - 1  # one of them starts and ends the others
    return count >= params["workers"], f"{max(count, 0)} of {params['workers']} workers run"


def undo(params: Params) -> Gone:
    """End them all, and see that none is left."""
    ended = children.stop(params["tag"])
    return Gone(gone_ns=time.monotonic_ns(), evidence=f"{ended} processes ended, none is left")


def missing() -> str:
    """Why this agent cannot hog, or ""."""
    if not Path("/proc/self/schedstat").exists():
        return "the kernel does not count waiting times (CONFIG_SCHED_INFO)"
    return lacking("SYS_ADMIN", "SYS_PTRACE", "KILL")


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    remedy="the controller cpu switched on for containers",
)
