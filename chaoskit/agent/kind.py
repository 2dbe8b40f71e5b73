"""What a kind of operation is to the agent: four functions over plain parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Params = Mapping[str, Any]


class Refused(Exception):
    """An order that was not carried out, or could not be proven; the message is for people."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Proof that an operation is in effect; times are ns of CLOCK_MONOTONIC."""

    requested_ns: int  # just before the system call
    in_effect_ns: int  # the first instant at which it was certainly in effect
    evidence: str
    harm_due_ns: int | None = None  # of one that grows: when it hurts unless somebody acts


@dataclass(frozen=True, kw_only=True)
class Gone:
    """Proof that nothing of an operation is left."""

    gone_ns: int
    evidence: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one kind of operation is done, looked at, and undone."""

    apply: Callable[[Params], Effect]  # Refused when it could not be proven; then it is undone
    check: Callable[[Params], tuple[bool, str]]  # whether it is in effect now, and the evidence
    undo: Callable[[Params], Gone]  # idempotent, from the parameters alone; Refused when it stays
    missing: Callable[[], str]  # why this machine cannot do it; "" when it can
    survey: Callable[[Params], dict[str, Any]]  # parameters that only a look at the process gives
    capabilities: tuple[str, ...] = ()  # beyond what every agent has: "SYS_CHROOT"
    devices: tuple[str, ...] = ()  # of the engine's host: "/dev/fuse"
    remedy: str = ""  # what makes it possible where it is missing, in one line
