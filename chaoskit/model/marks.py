"""Something that happened, with its time: half of the evidence, and cheap to import.

All times are nanoseconds of CLOCK_MONOTONIC, which the agent and every container on a local engine
share with us. Nothing here needs numpy, so that checking a file never waits for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

NS = 1_000_000_000


class MarkKind(StrEnum):
    """What can happen in a trial."""

    PHASE = "phase"  # detail: baseline, inject, watch, lift, settle, end
    INJECTED = "injected"  # the fault was ordered
    IN_EFFECT = "in_effect"  # data {"proven": false}: ordered by an action that proves nothing
    DETECTED = "detected"  # a healer noticed
    ACTED = "acted"  # a healer acted
    RESTORED = "restored"  # a healer took the repaired part back
    LIFTED = "lifted"  # proven gone; data {"replaced": true}: the system had replaced the instance
    REDUNDANCY = "redundancy"  # data: have, want
    ENGINE = "engine"  # a container event; detail: die, start, oom, ...
    ACTIVITY = "activity"  # a Chaos Toolkit activity began or ended
    GAP = "gap"  # our own way to the target was broken, from resolution_ns before it until then
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened, with its time."""

    at_ns: int
    kind: MarkKind
    source: str = ""  # who says so: a fault's id, a healer's name, "engine"
    service: str = ""
    instance: str = ""
    detail: str = ""
    resolution_ns: int = 0  # it happened at most this long before at_ns
    data: Mapping[str, Any] = field(default_factory=dict)


def sort_marks(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks in order of time; several observers write them, each in its own order."""
    return tuple(sorted(marks, key=lambda mark: mark.at_ns))
