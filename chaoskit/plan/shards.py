"""Splits a suite over jobs: every experiment in exactly one part, parts that take about as long.

The longest experiment goes first, each to the part that is done soonest with it. Nothing but the files
and the number of parts decides, so that jobs which never hear of each other agree.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chaoskit.errors import InputError, NothingSelected, Problem
from chaoskit.model.journal import Shard
from chaoskit.plan.plan import Group, Plan

_WRITTEN = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6})")
START_S = 15.0  # what a target's start costs, by experience; `start_max_s` is only when it gives up


def parse_shard(text: str) -> tuple[int, int]:
    """Which part of how many, from `2/3`. Raises InputError."""
    found = _WRITTEN.fullmatch(text.strip())
    index, of = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= of:
        hint = "write the part and how many there are, from 1/3 to 3/3"
        raise InputError(Problem(file="--shard", message=f"{text!r} is no shard", hint=hint))
    return index, of


def part_of(plan: Plan, index: int, of: int) -> Plan:
    """One part of a plan. Raises NothingSelected when there are more parts than experiments."""
    parts = split(plan.groups, of)
    suite = tuple(sorted(one.experiment.name for one in plan.experiments))
    mine = parts[index - 1]
    if not mine:
        count = len(suite)
        message = (
            f"shard {index}/{of} has no experiment: there are only {count}; use {count} shards"
        )
        raise NothingSelected(message)
    groups = tuple(
        replace(group, experiments=kept)
        for group in plan.groups
        if (kept := tuple(one for one in group.experiments if one.experiment.name in mine))
    )
    return replace(plan, groups=groups, shard=Shard(index=index, of=of, suite=suite))


def split(groups: Sequence[Group], of: int) -> tuple[frozenset[str], ...]:
    """The names of the experiments in each part."""
    parts = [_Part() for _ in range(of)]
    jobs = [
        (one.estimate_s, one.experiment.name, group)
        for group in groups
        for one in group.experiments
    ]
    for seconds, name, group in sorted(jobs, key=lambda job: (-job[0], job[1])):
        part = min(parts, key=lambda one, group=group: one.seconds_with(group))  # type: ignore[misc]
        part.take(name, seconds, group)
    return tuple(frozenset(part.names) for part in parts)


@dataclass
class _Part:
    """What one job does; it starts each of its targets once."""

    seconds: float = 0.0
    names: set[str] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)

    def seconds_with(self, group: Group) -> float:
        return self.seconds + (0.0 if group.target in self.targets else START_S)

    def take(self, name: str, seconds: float, group: Group) -> None:
        self.seconds = self.seconds_with(group) + seconds
        self.targets.add(group.target)
        self.names.add(name)
