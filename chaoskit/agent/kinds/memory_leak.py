"""Kind `memory_leak`: memory of the instance's own group is taken at a rate, up to its limit.

Parameters: `pid`, `container`, `tag`, `rate` (bytes a second). From the survey: `start_ticks`,
`place` (its memory group), `room` (bytes to the limit, or None without one), `most` (where it stops
growing), `uid`, `gid` and `score` (the main process's oom_score_adj before).

A helper of ours leaks inside the group. At the limit the kernel kills the service and not the
helper, because the service's oom_score_adj is raised: as if the service itself had leaked.
"""

import time
from pathlib import Path
from typing import Any

from chaoskit.agent import children, instances, leaks, processes
from chaoskit.agent.groups import cgroups, inside, limits, victims
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_LEAVE_TO_HOST = 0.25  # of the host's memory
_OVERSHOOT_BYTES = 64 << 20  # above the limit: what must be killed for it
_MIB = 1 << 20


def survey(params: Params) -> dict[str, Any]:
    """How much there is to leak. Raises Refused where nothing is, or the host would be hurt."""
    found = instances.look(params)
    place = cgroups.locate(params, "memory")
    group = cgroups.group_at(place)
    try:
        limit = limits.memory_limit_bytes(group)
        used = limits.memory_used_bytes(group) - limits.memory_cache_bytes(group)
        if limits.oom_killer_is_off(group):
            message = "the instance's OOM killer is off (oom_kill_disable): it would wait, not end"
            raise Refused(message)
    except OSError as error:
        message = f"the instance's memory cannot be read: {error.strerror}"
        raise Refused(message) from error
    uid, gid = inside.owner(params["pid"]) or (0, 0)
    return {
        **found,
        "place": place,
        **_bounds(used=used, limit=limit),
        "score": victims.score(params["pid"]),
        "uid": uid,
        "gid": gid,
    }


def _bounds(*, used: int, limit: int | None) -> dict[str, int | None]:
    """Up to the instance's limit, and never into the last quarter of the host's memory."""
    total, available = limits.host_memory_bytes()
    spare = int(available - _LEAVE_TO_HOST * total)
    if limit is None:
        if spare <= 0:
            message = f"less than {_LEAVE_TO_HOST:.0%} of the host's memory is free already"
            raise Refused(message)
        return {"room": None, "most": spare}
    room = max(0, limit - used)
    if room + _OVERSHOOT_BYTES > spare:
        message = (
            f"reaching the limit of {limit / _MIB:.0f} MiB would leave the host less than "
            f"{_LEAVE_TO_HOST:.0%} of its memory"
        )
        raise Refused(message)
    return {"room": room, "most": room + _OVERSHOOT_BYTES}


def apply(params: Params) -> Effect:
    """Begin to leak, and measure how fast."""
    config = {
        "resource": "memory",
        "join": [params["place"]],
        "pid": params["pid"],
        "rate": params["rate"],
        "most": params["most"],
    }
    requested_ns = time.monotonic_ns()
    try:
        victims.set_score(params, victims.FIRST)
        ready = children.start("leak", config, tag=params["tag"])
        evidence = leaks.proven(params, ready["began_ns"])
        _must_be_inside(params, ready["pid"])
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return leaks.effect(params, requested_ns, ready["began_ns"], evidence)


def _must_be_inside(params: Params, pid: int) -> None:
    if params["place"]["path"] not in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"):
        message = "the leak is not in the instance's memory group"
        raise Refused(message)


def check(params: Params) -> tuple[bool, str]:
    """In effect while the helper leaks."""
    return leaks.check(params)


def undo(params: Params) -> Gone:
    """End the helper; its memory goes with it. The main process's score as it was."""
    ended = children.stop(params["tag"])
    if instances.alive(params):
        victims.set_score(params, params["score"])
    return Gone(gone_ns=time.monotonic_ns(), evidence=f"{ended} leak ended, none is left")


def missing() -> str:
    """Why this agent cannot leak in an instance's name, or ""."""
    return processes.lacking("SETUID", "SETGID", "SYS_ADMIN", "SYS_PTRACE", "KILL")


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=("SETUID", "SETGID"),
    remedy="the controller memory switched on: cgroup_enable=memory on the kernel command line",
)
