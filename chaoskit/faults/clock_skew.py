"""Fault `clock_skew`: an instance believes that it is another time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.fittings import Fitting, FittingKind
from chaoskit.model.quantities import parse_offset

LARGEST_S = 3650 * 86400.0


@dataclass(frozen=True, kw_only=True)
class ClockSkew(HeldFault):
    """Set the clock of an instance's processes forward or back, by one jump.

    What: every question for the time of day is answered `offset` off, from one moment to the next;
    when the fault is lifted the clock jumps back. Certificates and tokens are suddenly expired or
    not valid yet, leases and timestamps disagree with those of others. The monotonic clock, and
    with it time-outs and sleeps, goes on as it is.

    Mechanism: a library of ours is loaded into the service's processes from the start of the target
    (LD_PRELOAD, beside what the service preloads itself); it adds to every time of day what a file
    of the instance says, and puts deadlines right that are times of day. The agent writes that
    file. Proven by the library in the memory maps of the processes, and by a program that reads the
    clock in the instance's mount namespace and environment, exact within 0.1 s. Never the clock of
    the host, of the harness or of any other instance.

    Undo: the offset is taken away, and the clock in the instance is read again.

    Limits: only programs that ask a glibc for the time: statically linked ones, those in Go, and
    set-user-id ones are refused, and images built on musl are refused before they start. A process
    that asks the kernel itself (a raw system call) cannot be told from one that does not ask. The
    dates of files are the kernel's and stay true. Whoever waits already when the clock jumps wakes
    at the time that he meant before. An instance that restarts comes back with the true time. It
    is one jump: a clock that runs too fast is not imitated.
    """

    name = "clock_skew"
    family = "time"
    needs = ("clock",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "offset": "+1h", "for": "10s"}

    offset: str  # how far the clock is off: +1h, -30s, +2d

    def fittings(self) -> tuple[Fitting, ...]:
        """The clock, which must be loaded from the start."""
        return (Fitting(kind=FittingKind.CLOCK, service=self.service),)

    def problems(self) -> tuple[str, ...]:
        """An offset that can be told from none, and that a clock can have."""
        found = list(super().problems())
        try:
            offset_s = parse_offset(self.offset)
        except ValueError as error:
            return (*found, f"offset: {error}")
        if not 1 <= abs(offset_s) <= LARGEST_S:
            found.append(f"offset: {self.offset!r}; choose at least 1s and at most 3650d, + or -")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One clock for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="clock",
                instance=instance,
                params={"offset_s": parse_offset(self.offset)},
                mechanism=f"preloaded clock, {self.offset}",
            )
            for instance in picked
        )


inject = action(ClockSkew)
