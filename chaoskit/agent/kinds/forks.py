"""Kind `forks`: an instance can start only so many more processes and threads.

Parameters: `pid`, `start_ticks`, `container`, `tag`, `leave` (how many more), `place` (its pids
group) and `changes` (file, before, after).

Proven by use: a process of ours in the same group forks until the kernel refuses it.
"""

import errno
import os
import time
from typing import Any

from chaoskit.agent import instances
from chaoskit.agent.groups import cgroups, forked, limits
from chaoskit.agent.kind import Effect, Gone, Kind, Params, Refused
from chaoskit.agent.processes import lacking

_LIMIT = "pids"


def survey(params: Params) -> dict[str, Any]:
    """Where the limit is, its value now, and how many tasks there are."""
    found = instances.look(params)
    place = cgroups.locate(params, "pids")
    group = cgroups.group_at(place)
    try:
        changes = limits.tasks_changes(group, limits.tasks(group) + params["leave"])
    except OSError as error:
        message = f"the instance's task limit cannot be read: {error.strerror}"
        raise Refused(message) from error
    return {**found, "place": place, "changes": [vars(one) for one in changes]}


def apply(params: Params) -> Effect:
    """Lower the limit, and see a fork refused; else put it back."""
    group = cgroups.group_at(params["place"])
    changes = cgroups.as_changes(params["changes"])
    requested_ns = time.monotonic_ns()
    cgroups.hold(group, _LIMIT, params["tag"], changes)
    in_effect_ns = time.monotonic_ns()
    try:
        possible = forked.aside(lambda: _forks_in(group, params["leave"] + 1))
    except (Refused, OSError) as error:
        undone = undo(params)
        message = f"{error}; undone: {undone.evidence}"
        raise Refused(message) from error
    allowed = changes[0].after
    evidence = (
        f"pids.max is {allowed}: promised {params['leave']} more, {possible} could be started, "
        "and the next fork was refused with EAGAIN"
    )
    return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)


def _forks_in(group: cgroups.Group, tries: int) -> int:
    """In a fork: how many tasks the group had room for. Raises Refused when it never ends.

    Joining is not limited by the kernel, so that this process itself counts as one of them.
    """
    group.join(os.getpid())
    children: list[int] = []
    try:
        for _ in range(tries):
            pid = os.fork()
            if pid == 0:
                _wait()
            children.append(pid)
    except OSError as error:
        if error.errno != errno.EAGAIN:
            raise
        full = int(group.read("pids.current")) - int(group.read("pids.max"))
        return len(children) + (1 if full <= 0 else 0)
    finally:
        forked.end(children)
    message = f"{tries} processes could be started, and no fork was refused"
    raise Refused(message)


def _wait() -> None:
    """In a fork of a fork: take up room until it is ended."""
    forked.die_with_parent()
    while True:
        time.sleep(60)


def check(params: Params) -> tuple[bool, str]:
    """In effect while our limit is in the instance's own group."""
    if not instances.alive(params):
        return False, "the instance is gone, and its limit with it"
    group = cgroups.group_at(params["place"])
    return cgroups.held(group, _LIMIT, params["tag"], cgroups.as_changes(params["changes"]))


def undo(params: Params) -> Gone:
    """The limit that was there before."""
    group = cgroups.group_at(params["place"])
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
    remedy="a kernel with CONFIG_CGROUP_PIDS, and the controller pids switched on",
)
