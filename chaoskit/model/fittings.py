"""What a target must be started with, because a fault needs it from the first moment on.

A fitting is data: which service gets what. How it is put there is known by chaoskit.target.fittings.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class FittingKind(StrEnum):
    """What can be fitted."""

    DISK = "disk"  # a file system of ours between a service and its volume
    CLOCK = "clock"  # a library of ours between a service and its clock


@dataclass(frozen=True, kw_only=True, order=True)
class Fitting:
    """One thing that one service is started with."""

    kind: FittingKind
    service: str
    path: str = ""  # of a disk: where the service has its volume
    remembers: bool = False  # of a disk: what was not synced, so that it can be lost

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        return f"{self.kind} of {self.service}{where}"


def merged(fittings: Iterable[Fitting]) -> tuple[Fitting, ...]:
    """Each thing once, able to do all that any of them asks for; in a fixed order."""
    found: dict[tuple[str, str, str], Fitting] = {}
    for one in fittings:
        key = (one.kind, one.service, one.path)
        before = found.get(key, one)
        found[key] = replace(one, remembers=one.remembers or before.remembers)
    return tuple(sorted(found.values()))
