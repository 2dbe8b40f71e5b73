"""What the files of a control group mean: the same questions for cgroup v1 and v2.

Sources: Documentation/admin-guide/cgroup-v1/{memory,pids,cpuacct}.rst, scheduler/sched-bwc.rst and
admin-guide/cgroup-v2.rst of the Linux kernel.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.agent.groups import cgroups
from chaoskit.agent.groups.cgroups import Change, Group
from chaoskit.agent.kind import Params, Refused

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LEAST_QUOTA_US = 1000  # min_cfs_quota_period of the kernel
_NO_LIMIT_BYTES = 1 << 60  # v1 writes "no limit" as a number near 2 ** 63


def cpu_places(params: Params) -> dict[str, Any]:
    """Where CPU time is limited and counted; v1 may do so in two hierarchies."""
    return {
        "cpu": cgroups.locate(params, "cpu"),
        "cpuacct": cgroups.locate(params, "cpuacct"),
    }


def groups_at(places: Mapping[str, Any]) -> dict[str, Group]:
    """The groups at places that were located, by the same names."""
    return {name: cgroups.group_at(where) for name, where in places.items()}


def quota(group: Group) -> tuple[float | None, int]:
    """The CPU time an instance may use, in CPUs (None: as much as it likes), and the period in µs.

    Raises OSError.
    """
    if group.version == 1:
        quota_us = group.read("cpu.cfs_quota_us")
        period_us = int(group.read("cpu.cfs_period_us"))
        return (None if int(quota_us) < 0 else int(quota_us) / period_us), period_us
    quota_us, period = group.read("cpu.max").split()
    return (None if quota_us == "max" else int(quota_us) / int(period)), int(period)


def quota_changes(group: Group, cpus: float) -> tuple[Change, ...]:
    """What to write so that the instance gets `cpus` CPUs. Raises Refused, OSError."""
    now, period_us = quota(group)
    if now is not None and now <= cpus:
        message = (
            f"the instance may use {now:.0%} of a CPU already; a quota of {cpus:.0%} takes nothing "
            "away"
        )
        raise Refused(message)
    quota_us = round(cpus * period_us)
    if quota_us < LEAST_QUOTA_US:
        message = (
            f"{cpus:.1%} of a CPU is {quota_us} µs in a period of {period_us} µs; the kernel "
            f"accepts {LEAST_QUOTA_US} µs or more, which is {LEAST_QUOTA_US / period_us:.1%}"
        )
        raise Refused(message)
    file = "cpu.cfs_quota_us" if group.version == 1 else "cpu.max"
    after = str(quota_us) if group.version == 1 else f"{quota_us} {period_us}"
    return (Change(file=file, before=group.read(file), after=after),)


def cpu_used_ns(groups: Mapping[str, Group]) -> int:
    """The CPU time that the instance has used so far, in ns. Raises OSError."""
    group = groups["cpuacct"]
    if group.version == 1:
        return int(group.read("cpuacct.usage"))
    return group.numbers("cpu.stat")["usage_usec"] * 1000


def times_throttled(group: Group) -> int:
    """In how many periods the quota was used up before their end. Raises OSError."""
    return group.numbers("cpu.stat").get("nr_throttled", 0)


def memory_limit_bytes(group: Group) -> int | None:
    """The instance's memory limit, or None. Raises OSError."""
    text = group.read("memory.limit_in_bytes" if group.version == 1 else "memory.max")
    return None if text == "max" or int(text) >= _NO_LIMIT_BYTES else int(text)


def memory_used_bytes(group: Group) -> int:
    """What the instance has charged now, page cache included. Raises OSError."""
    return int(group.read("memory.usage_in_bytes" if group.version == 1 else "memory.current"))


def memory_cache_bytes(group: Group) -> int:
    """How much of that the kernel gives back when it is short: old file pages. Raises OSError."""
    name = "total_inactive_file" if group.version == 1 else "inactive_file"
    return group.numbers("memory.stat").get(name, 0)


def memory_changes(group: Group, limit_bytes: int) -> tuple[Change, ...]:
    """What to write so that memory and swap together end at the limit. Raises OSError."""
    limit = str(limit_bytes // PAGE_BYTES * PAGE_BYTES)
    if group.version == 1:
        wanted = {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit}
    else:
        wanted = {"memory.swap.max": "0", "memory.max": limit}
    present = {file: value for file, value in wanted.items() if (group.folder / file).exists()}
    return tuple(
        Change(file=file, before=group.read(file), after=value) for file, value in present.items()
    )


def oom_kills(group: Group) -> int:
    """How many processes the kernel has killed for want of memory. Raises OSError."""
    file = "memory.oom_control" if group.version == 1 else "memory.events"
    return group.numbers(file).get("oom_kill", 0)


def oom_killer_is_off(group: Group) -> bool:
    """Whether the instance waits for memory instead of being killed (v1 only). Raises OSError."""
    if group.version == 2:
        return False
    return group.numbers("memory.oom_control").get("oom_kill_disable", 0) == 1


def tasks(group: Group) -> int:
    """How many processes and threads the instance has. Raises OSError."""
    return int(group.read("pids.current"))


def tasks_changes(group: Group, allowed: int) -> tuple[Change, ...]:
    """What to write so that the instance has no more tasks than that. Raises Refused, OSError."""
    before = group.read("pids.max")
    if before != "max" and int(before) <= allowed:
        message = f"the instance is limited to {before} tasks already, and {allowed} would be more"
        raise Refused(message)
    return (Change(file="pids.max", before=before, after=str(allowed)),)


def host_memory_bytes() -> tuple[int, int]:
    """All memory of the host, and what is available of it (MemAvailable), in bytes."""
    rows = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    found = {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows}
    return found["MemTotal"], found["MemAvailable"]
