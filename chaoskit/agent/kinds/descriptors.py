"""Kind `descriptors`: the processes of an instance can open only so many more files and sockets.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `leave` (how many more each may open) and
`saved`: a list of `{"pid", "ticks", "soft", "hard", "uid", "gid"}`, one for each process.

The soft limit is a bound on the *number* of a descriptor, and new ones get the lowest free number;
so it is put on the free number after those that are left. Proven by counting the free numbers below
it. A process of another user is reached under that user's identity, because this machine may lack
CAP_SYS_RESOURCE.
"""

import itertools
import os
import resource
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chaoskit.agent import instances, processes
from chaoskit.agent.groups import forked, inside
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused

_NOFILE = resource.RLIMIT_NOFILE
_Saved = Mapping[str, Any]
_ROUNDS = 5  # a child that was forked while its parent was restored is found in the next one


def survey(params: Params) -> dict[str, Any]:
    """The limits of every process as they are now."""
    found = instances.look(params)
    saved = [row for one in inside.inhabitants(params) if (row := _limits_of(one.pid, one.ticks))]
    if not any(row["pid"] == params["pid"] for row in saved):
        message = "the instance ended while its limits were looked at"
        raise Refused(message)
    return {**found, "saved": saved}


def _limits_of(pid: int, ticks: int) -> dict[str, Any] | None:
    """The limits and the owner of one process; None when it is gone."""
    who, now = inside.owner(pid), _nofile(pid)
    if who is None or now is None:
        return None
    return {
        "pid": pid,
        "ticks": ticks,
        "soft": now[0],
        "hard": now[1],
        "uid": who[0],
        "gid": who[1],
    }


def _nofile(pid: int) -> tuple[int, int] | None:
    """The soft and the hard limit, from a file that everybody may read; None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    except OSError:
        return None
    row = next(line for line in text.splitlines() if line.startswith("Max open files"))
    soft, hard = row.split()[3:5]
    return _number(soft), _number(hard)


def _number(text: str) -> int:
    return resource.RLIM_INFINITY if text == "unlimited" else int(text)


def apply(params: Params) -> Effect:
    """Lower the soft limit of every process, and count what is left; else put it back."""
    requested_ns = time.monotonic_ns()
    try:
        left = _lower_all(params)
        in_effect_ns = time.monotonic_ns()
        _must_be_short(params, left)
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    numbers = (_nofile(params["pid"]) or (0, 0))[0]
    evidence = (
        f"{len(left)} process{'es' * (len(left) > 1)}: promised {params['leave']} more descriptors "
        f"each, {max(left.values())} can be opened; the main one may open numbers below {numbers}"
    )
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _lower_all(params: Params) -> dict[int, int]:
    """Set the limits; by process, how many descriptors it can still open."""
    left = ((row["pid"], _lower(row, params["leave"])) for row in params["saved"] if _lives(row))
    return {pid: free for pid, free in left if free is not None}


def _must_be_short(params: Params, left: dict[int, int]) -> None:
    if params["pid"] not in left:
        message = "the instance ended while its limits were set"
        raise Refused(message)
    if wrong := {pid: free for pid, free in left.items() if free > params["leave"]}:
        message = f"more descriptors are free than {params['leave']}: {wrong} by process"
        raise Refused(message)


def _lives(row: _Saved) -> bool:
    return processes.same_process(row["pid"], row["ticks"])


def _lower(row: _Saved, leave: int) -> int | None:
    """Set one process's limit; how many numbers are then free below it. None when it ended."""
    pid = row["pid"]

    def done() -> int:
        limit = limit_for(_numbers(pid), leave)
        if _lower_than(limit, row["soft"]):
            resource.prlimit(pid, _NOFILE, (limit, row["hard"]))
        soft, _ = resource.prlimit(pid, _NOFILE)
        return soft - len([number for number in _numbers(pid) if number < soft])

    try:
        return int(forked.as_owner(row["uid"], row["gid"], done))
    except (ProcessLookupError, FileNotFoundError):
        return None


def limit_for(numbers: Iterable[int], leave: int) -> int:
    """The limit under which exactly `leave` descriptors can be opened beside these."""
    used = set(numbers)
    free = (number for number in itertools.count() if number not in used)
    return next(itertools.islice(free, leave, None))


def _numbers(pid: int) -> list[int]:
    """The descriptors that a process has open. Raises OSError."""
    return [int(name) for name in os.listdir(f"/proc/{pid}/fd")]  # noqa: PTH208


def check(params: Params) -> tuple[bool, str]:
    """In effect while the main process has a lower limit than before."""
    if not instances.alive(params):
        return False, "the instance is gone, and its limits with it"
    before = next(row["soft"] for row in params["saved"] if row["pid"] == params["pid"])
    now = _nofile(params["pid"])
    if now is None:
        return False, "the instance is gone, and its limits with it"
    return _lower_than(now[0], before), f"the main process may open numbers below {now[0]}"


def undo(params: Params) -> Gone:
    """Every process gets its own limit back; one that was forked since, its ancestor's."""
    restored: set[int] = set()
    for _ in range(_ROUNDS):
        lowered = _still_lowered(params)
        if not lowered:
            break
        for row in lowered:
            _restore(row)
            restored.add(row["pid"])
    else:
        message = f"the descriptor limits of {sorted(restored)} do not go back"
        raise Refused(message)
    gone = "" if instances.alive(params) else "the instance is gone; "
    evidence = f"{gone}{len(restored)} limits put back, none is lowered"
    return Gone(gone_ns=time.monotonic_ns(), evidence=evidence)


def _still_lowered(params: Params) -> list[dict[str, Any]]:
    """Who has a lower limit than it should, with what it should have."""
    known = {row["pid"]: row for row in params["saved"] if _lives(row)}
    found = [dict(row) for row in known.values() if _below(row["pid"], row["soft"])]
    if not instances.alive(params):
        return found  # the pid may be somebody else's by now
    main = known.get(params["pid"])
    for one in inside.inhabitants(params):
        if one.pid in known or main is None:
            continue
        heir_of = _ancestor(one.pid, known) or main
        now = _limits_of(one.pid, one.ticks)
        if now and now["hard"] == heir_of["hard"] and _lower_than(now["soft"], heir_of["soft"]):
            found.append({**now, "soft": heir_of["soft"]})
    return found


def _below(pid: int, soft: int) -> bool:
    now = _nofile(pid)
    return now is not None and _lower_than(now[0], soft)


def _lower_than(now: int, before: int) -> bool:
    """Whether a limit is below another one; -1 is the kernel's word for none."""
    return now != before and (before == resource.RLIM_INFINITY or 0 <= now < before)


def _ancestor(pid: int, known: Mapping[int, _Saved]) -> _Saved | None:
    """The nearest ancestor whose limits we know: limits are inherited."""
    while pid := inside.parent(pid):
        if pid in known:
            return known[pid]
    return None


def _restore(row: _Saved) -> None:
    def done() -> None:
        resource.prlimit(row["pid"], _NOFILE, (row["soft"], row["hard"]))

    try:
        forked.as_owner(row["uid"], row["gid"], done)
    except ProcessLookupError:
        return  # it took its limit along


def missing() -> str:
    """Why this agent cannot change limits, or ""."""
    return processes.lacking("SETUID", "SETGID", "SYS_PTRACE")


KIND = Kind(
    apply=apply,
    check=check,
    undo=undo,
    missing=missing,
    survey=survey,
    capabilities=("SETUID", "SETGID"),
)
