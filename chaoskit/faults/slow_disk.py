"""Fault `slow_disk`: an instance's disk takes its time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.paths import wrong_path, wrong_size
from chaoskit.model.faults import Doer, Instance, Operation
from chaoskit.model.quantities import parse_size

FEWEST_BYTES, FEWEST_OPERATIONS = 64 << 10, 10  # a second; less cannot be measured in two


@dataclass(frozen=True, kw_only=True)
class SlowDisk(HeldFault):
    """Limit what an instance reads from and writes to one disk in a second.

    What: bytes and operations above the limit wait. At least one limit is to be given; they are
    the instance's alone.

    Mechanism: the instance's control group: blkio.throttle of cgroup v1, io.max of v2, for the
    disk that `path` is on. Proven by two seconds of direct reads and writes from inside that group:
    the rate is the promised one within 10 %.

    Undo: the former limits are set again.

    Limits: a file system in memory has no disk to slow. With cgroup v1 the kernel delays direct
    writes, reads, and whoever calls fsync; writes that go to the page cache are written back later
    by the kernel itself, unlimited. An instance that restarts has the limits of its configuration.
    One fault of this kind at a time for an instance.
    """

    name = "slow_disk"
    family = "resources"
    needs = ("throttle",)
    example: ClassVar[Mapping[str, Any]] = {
        "service": "web",
        "path": "/data",
        "write_bytes": "1MiB",
    }

    path: str  # a folder of the instance, on the disk that is meant
    read_bytes: str | None = None  # that may be read a second: 1MiB
    write_bytes: str | None = None  # that may be written a second: 1MiB
    read_operations: int | None = None  # a second: 50
    write_operations: int | None = None  # a second: 50

    def problems(self) -> tuple[str, ...]:
        """There must be a limit, and each be large enough to be measured."""
        found = [*super().problems(), *wrong_path("path", self.path)]
        for name in ("read_bytes", "write_bytes"):
            text = getattr(self, name)
            wrong = wrong_size(name, text) if text is not None else ()
            found += wrong
            if text is not None and not wrong and parse_size(text) < FEWEST_BYTES:
                found.append(f"{name}: {text} is too little; at least {FEWEST_BYTES >> 10}KiB")
        for name in ("read_operations", "write_operations"):
            number = getattr(self, name)
            if number is not None and (not _is_count(number) or number < FEWEST_OPERATIONS):
                found.append(f"{name}: {number!r} is too little; at least {FEWEST_OPERATIONS}")
        if not any(getattr(self, name) is not None for name in _LIMITS):
            found.append(f"write_bytes: no limit is given; give one of {', '.join(_LIMITS)}")
        return tuple(found)

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """The limits of each instance."""
        given = {name: getattr(self, name) for name in _LIMITS}
        limits = {
            name: parse_size(value) if isinstance(value, str) else int(value)
            for name, value in given.items()
            if value is not None
        }
        words = ", ".join(f"{name} {value}/s" for name, value in given.items() if value is not None)
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="throttle",
                instance=one,
                params={"path": self.path, "limits": limits},
                mechanism=f"limits of the instance's control group: {words}",
            )
            for one in picked
        )


_LIMITS = ("read_bytes", "write_bytes", "read_operations", "write_operations")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


inject = action(SlowDisk)
