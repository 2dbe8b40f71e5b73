"""Kind `cpu_quota`: an instance gets no more than a share of a CPU.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `cpus` (0.1 is ten percent of one CPU),
`places` (its cpu and cpuacct groups) and `changes` (file, before, after).

Proven by use: processes in the instance's group that want all the CPU time which is left, and the
kernel's count of what the group as a whole got.
"""

import os
import time
from typing import Any

from chaoskit.agent import instances
from chaoskit.agent.groups import cgroups, limits
from chaoskit.agent.groups.forked import burning
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.processes import lacking

_LIMIT = "cpu"
_WITHIN = 0.10
_PERIODS = 5  # whole periods: the quota is used up at the start of each
_TRIES = 4


def survey(params: Params) -> dict[str, Any]:
    """Where the limit is, and its value now. Raises Refused where the quota takes nothing away."""
    found = instances.look(params)
    places = limits.cpu_places(params)
    if params["cpus"] >= (count := os.cpu_count() or 1):
        message = f"{params['cpus']:.0%} of a CPU is all of the host's {count}; choose less"
        raise Refused(message)
    try:
        changes = limits.quota_changes(limits.groups_at(places)["cpu"], params["cpus"])
    except OSError as error:
        message = f"the instance's CPU quota cannot be read: {error.strerror}"
        raise Refused(message) from error
    return {**found, "places": places, "changes": [vars(one) for one in changes]}


def apply(params: Params) -> Effect:
    """Lower the quota, and measure what the instance gets; else put it back."""
    groups = limits.groups_at(params["places"])
    changes = cgroups.as_changes(params["changes"])
    requested_ns = time.monotonic_ns()
    cgroups.hold(groups["cpu"], _LIMIT, params["tag"], changes)
    in_effect_ns = time.monotonic_ns()
    try:
        evidence = _measured(groups, params["cpus"])
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _measured(groups: dict[str, cgroups.Group], cpus: float) -> str:
    """Promise and measurement. Raises Refused where the promise is broken, or was not met at all.

    A quota is a bound: on a busy machine the instance may get less. Then what proves it is that it
    was used up, and the instance throttled, in some of the periods.
    """
    _, period_us = limits.quota(groups["cpu"])
    got = 0.0
    throttled = limits.times_throttled(groups["cpu"])
    with burning(list(groups.values()), os.cpu_count() or 1):
        time.sleep(period_us / 1e6)  # what was left of the period in which it began
        for _ in range(_TRIES):
            began_ns, before_ns = time.monotonic_ns(), limits.cpu_used_ns(groups)
            time.sleep(_PERIODS * period_us / 1e6)
            used_ns = limits.cpu_used_ns(groups) - before_ns
            got = used_ns / (time.monotonic_ns() - began_ns)
            if abs(got - cpus) <= _WITHIN * cpus:
                break
    throttled = limits.times_throttled(groups["cpu"]) - throttled
    words = f"promised {cpus:.1%} of a CPU, measured {got:.1%}, throttled {throttled} times"
    if got < (1 - _WITHIN) * cpus:
        words += "; the machine was too busy to give it all of that in every period"
    if got > (1 + _WITHIN) * cpus or not throttled:
        raise Refused(words)
    return words


def check(params: Params) -> tuple[bool, str]:
    """In effect while our quota is in the instance's own group."""
    if not instances.alive(params):
        return False, "the instance is gone, and its quota with it"
    group = cgroups.group_at(params["places"]["cpu"])
    return cgroups.held(group, _LIMIT, params["tag"], cgroups.as_changes(params["changes"]))


def undo(params: Params) -> Gone:
    """The quota that was there before."""
    group = cgroups.group_at(params["places"]["cpu"])
    changes = cgroups.as_changes(params["changes"])
    evidence = cgroups.release(group, _LIMIT, params["tag"], changes)
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def missing() -> str:
    """Why this agent cannot change groups, or ""."""
    return lacking("SYS_ADMIN", "SYS_PTRACE", "KILL")


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    remedy="a kernel with CONFIG_CFS_BANDWIDTH, and the controller cpu switched on",
)
