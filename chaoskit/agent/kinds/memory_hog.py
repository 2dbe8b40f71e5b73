"""Kind `memory_hog`: memory in the instance's own group is taken, below its limit.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `bytes` or `share` (of the limit), `place`
(its memory group) and `take_bytes` (what that comes down to).

Proven by what is resident of the hog, and by its membership in the group.
"""

import time
from pathlib import Path
from typing import Any

from chaoskit.agent import children, instances
from chaoskit.agent.groups import cgroups, limits
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.processes import lacking

_WITHIN = 0.10
_LEAVE_TO_HOST = 0.25  # of the host's memory; a hog must never hurt the host
_MIB = 1 << 20


def survey(params: Params) -> dict[str, Any]:
    """How much will be taken. Raises Refused where it would kill, or hurt the host."""
    found = instances.look(params)
    place = cgroups.locate(params, "memory")
    group = cgroups.group_at(place)
    try:
        limit, used = limits.memory_limit_bytes(group), limits.memory_used_bytes(group)
        used -= limits.memory_cache_bytes(group)
    except OSError as error:
        message = f"the instance's memory cannot be read: {error.strerror}"
        raise Refused(message) from error
    take = _wanted(params, limit)
    _must_fit(take, used=used, limit=limit)
    return {**found, "place": place, "take_bytes": take}


def _wanted(params: Params, limit: int | None) -> int:
    if (share := params.get("share")) is None:
        return int(params["bytes"])
    if limit is None:
        message = (
            f"{share:.0%} of what? The instance has no memory limit; give a size such as 64MiB"
        )
        raise Refused(message)
    return int(limit * share)


def _must_fit(take: int, *, used: int, limit: int | None) -> None:
    """Below the limit, page tables included, and with enough left to the host."""
    margin = max(_MIB, take // 256)
    if limit is not None and used + take + margin > limit:
        message = (
            f"{take / _MIB:.0f} MiB do not fit: the instance uses {used / _MIB:.0f} MiB of its "
            f"limit of {limit / _MIB:.0f} MiB; for an OOM kill use the fault memory-limit"
        )
        raise Refused(message)
    total, available = limits.host_memory_bytes()
    if available - take < _LEAVE_TO_HOST * total:
        message = (
            f"{take / _MIB:.0f} MiB would leave the host {max(0, available - take) / _MIB:.0f} MiB "
            f"of {total / _MIB:.0f}; at least {_LEAVE_TO_HOST:.0%} must stay free"
        )
        raise Refused(message)


def apply(params: Params) -> Effect:
    """Take it, and measure it; else give it back."""
    take = params["take_bytes"]
    config = {
        "resource": "memory",
        "join": [params["place"]],
        "pid": params["pid"],
        "bytes": take,
        "at_once": True,
    }
    group = cgroups.group_at(params["place"])
    try:
        before = limits.memory_used_bytes(group)
        requested_ns = time.monotonic_ns()
        ready = children.start("hog", config, tag=params["tag"], ready_s=3.0 + take / (200 * _MIB))
        in_effect_ns = time.monotonic_ns()
        evidence = _measured(params, ready["pids"][0], before)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _measured(params: Params, pid: int, before: int) -> str:
    take = params["take_bytes"]
    got = int(children.ask(params["tag"], {}, timeout_s=3.0)["bytes"])
    after = limits.memory_used_bytes(cgroups.group_at(params["place"]))
    text = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    words = (
        f"promised {take / _MIB:.1f} MiB, measured {got / _MIB:.1f} MiB resident; the instance's "
        f"use went from {before / _MIB:.1f} to {after / _MIB:.1f} MiB"
    )
    if params["place"]["path"] not in text or abs(got - take) > _WITHIN * take or after < got:
        raise Refused(words)
    return words


def check(params: Params) -> tuple[bool, str]:
    """In effect while all of it is resident."""
    try:
        got = int(children.ask(params["tag"], {}, timeout_s=3.0)["bytes"])
    except Refused as refusal:
        return False, str(refusal)
    return got >= (1 - _WITHIN) * params["take_bytes"], f"{got / _MIB:.1f} MiB resident"


def undo(params: Params) -> Gone:
    """End the hog; its memory goes with it."""
    ended = children.stop(params["tag"])
    return Gone(gone_ns=time.monotonic_ns(), evidence=f"{ended} hog ended, none is left")


def missing() -> str:
    """Why this agent cannot hog, or ""."""
    return lacking("SYS_ADMIN", "SYS_PTRACE", "KILL")


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    remedy="the controller memory switched on: cgroup_enable=memory on the kernel command line",
)
