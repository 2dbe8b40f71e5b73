"""Kind `memory_limit`: the instance's memory limit is lowered, until the kernel kills its service.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `bytes` (the limit, or None: just above what
is in use), `place` (its memory group), `changes` (file, before, after), `limit_bytes`, `used_bytes`,
`uid`, `gid` and `score` (the main process's oom_score_adj before).

On cgroup v1 the kernel refuses a limit below what is in use, and on v2 a process that cannot shrink
may live on. So a hog of ours grows in the same group, and the service is made the first victim by
its oom_score_adj. Proven by the group's count of kills and by the end of the main process.
"""

import os
import select
import sys
import time
from contextlib import suppress
from typing import Any

from chaoskit.agent import children, instances, processes
from chaoskit.agent.groups import cgroups, inside, limits, victims
from chaoskit.agent.groups.cgroups import Group
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_LIMIT = "memory"
_ABOVE_USE_BYTES = 16 << 20
_LEAST_ROOM_BYTES = 1 << 20
_OVERSHOOT_BYTES = 32 << 20
_PROOF_S = 6.0
_MIB = 1 << 20


def survey(params: Params) -> dict[str, Any]:
    """The limit as it is, the one to be set, and the process's score. Raises Refused."""
    found = instances.look(params)
    place = cgroups.locate(params, "memory")
    group = cgroups.group_at(place)
    try:
        used, now = limits.memory_used_bytes(group), limits.memory_limit_bytes(group)
        asked = params.get("bytes")
        _must_be_lower(asked, now)
        wanted = min(asked or used + _ABOVE_USE_BYTES, now or sys.maxsize)
        _must_be_possible(group, wanted, used=used, asked=bool(asked))
        changes = limits.memory_changes(group, wanted)
    except OSError as error:
        message = f"the instance's memory cannot be read: {error.strerror}"
        raise Refused(message) from error
    uid, gid = inside.owner(params["pid"]) or (0, 0)
    return {
        **found,
        "place": place,
        "changes": [vars(one) for one in changes],
        "limit_bytes": wanted,
        "used_bytes": used,
        "score": victims.score(params["pid"]),
        "uid": uid,
        "gid": gid,
    }


def _must_be_lower(asked: int | None, now: int | None) -> None:
    if asked and now and asked > now:
        message = (
            f"{asked / _MIB:.0f} MiB are more than the instance's limit of {now / _MIB:.0f} MiB"
        )
        raise Refused(message)


def _must_be_possible(group: Group, wanted: int, *, used: int, asked: bool) -> None:
    if limits.oom_killer_is_off(group):
        message = "the instance's OOM killer is off (oom_kill_disable): it would wait, not end"
        raise Refused(message)
    if asked and wanted < used + _LEAST_ROOM_BYTES:
        message = (
            f"{wanted / _MIB:.0f} MiB are not above the {used / _MIB:.0f} MiB in use, which "
            "cgroup v1 refuses; name a higher limit, or none for one just above use"
        )
        raise Refused(message)
    total, available = limits.host_memory_bytes()
    if available - (wanted - used) < 0.25 * total:
        message = (
            f"reaching {wanted / _MIB:.0f} MiB would leave the host less than a quarter of its "
            "memory; name a lower limit"
        )
        raise Refused(message)


def apply(params: Params) -> Effect:
    """Lower the limit, grow up to it, and see the main process killed for it."""
    group = cgroups.group_at(params["place"])
    try:
        handle = os.pidfd_open(params["pid"])
    except ProcessLookupError as error:
        message = "the instance's main process ended before its limit was lowered"
        raise Refused(message) from error
    requested_ns = time.monotonic_ns()
    try:
        kills = limits.oom_kills(group)
        victims.set_score(params, victims.FIRST)
        cgroups.hold(group, _LIMIT, params["tag"], cgroups.as_changes(params["changes"]))
        _start_hog(params)
        in_effect_ns, counted = _killed(handle, group, kills)
        children.stop(params["tag"])
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    finally:
        os.close(handle)
    evidence = (
        f"the limit was {params['limit_bytes'] / _MIB:.0f} MiB, {params['used_bytes'] / _MIB:.0f} "
        f"in use; the kernel killed process {params['pid']}, {counted}"
    )
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _start_hog(params: Params) -> None:
    config = {
        "resource": "memory",
        "join": [params["place"]],
        "pid": params["pid"],
        "bytes": params["limit_bytes"]
        - min(params["used_bytes"], params["limit_bytes"])
        + _OVERSHOOT_BYTES,
        "at_once": False,
    }
    children.start("hog", config, tag=params["tag"])


def _killed(handle: int, group: Group, kills: int) -> tuple[int, str]:
    """When the kill was seen, and by what. Raises Refused when the process lives on."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    seen: dict[str, int] = {}

    def over() -> bool:
        with suppress(OSError):  # the engine may have removed the group already
            if (now := limits.oom_kills(group)) > kills:
                seen.setdefault("kills", now - kills)
        if poller.poll(0):
            seen.setdefault("ended_ns", time.monotonic_ns())
        return "ended_ns" in seen

    if not processes.poll(over, timeout_s=_PROOF_S):
        counted = f"{seen['kills']} other processes were" if "kills" in seen else "nobody was"
        message = f"the main process lived on for {_PROOF_S:g} s at its limit; {counted} killed"
        raise Refused(message)
    if "kills" not in seen:
        message = "the main process ended, but not by the kernel's OOM killer as far as it counts"
        raise Refused(message)
    return seen["ended_ns"], f"its group counted {seen['kills']} OOM kill"


def check(params: Params) -> tuple[bool, str]:
    """In effect while that process is gone."""
    here = instances.alive(params)
    return not here, f"process {params['pid']} " + ("still runs" if here else "was OOM-killed")


def undo(params: Params) -> Gone:
    """End the hog; the limit and the score that were there before."""
    ended = children.stop(params["tag"])
    group = cgroups.group_at(params["place"])
    changes = cgroups.as_changes(params["changes"])
    evidence = cgroups.release(group, _LIMIT, params["tag"], changes)
    if instances.alive(params):
        victims.set_score(params, params["score"])
    hogs = f"{ended} hog ended; " if ended else ""
    return Gone(gone_ns=time.monotonic_ns(), evidence=hogs + evidence)


def missing() -> str:
    """Why this agent cannot change groups and scores, or ""."""
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
