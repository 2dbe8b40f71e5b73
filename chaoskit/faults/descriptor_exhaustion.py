"""Fault `descriptor_exhaustion`: no further file, socket or pipe can be opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.amounts import wrong_count
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class DescriptorExhaustion(HeldFault):
    """Let the running processes of an instance open only so many more descriptors, or none at all.

    What: open, socket, accept and pipe fail with EMFILE ("Too many open files"), as after a leak of
    connections. What is open stays open and works.

    Mechanism: the soft limit RLIMIT_NOFILE of each process is put on the free number behind those
    that are left (prlimit). Proven by counting the free numbers below the limit. A process
    of another user is reached under that user's identity, by an agent that may take it (SETUID,
    SETGID).

    Undo: each process gets the soft limit back that it had; one that was forked since gets the one
    of its ancestor. None is lowered afterwards. Hard limits are never touched.

    Limits: a descriptor that is closed makes room for a new one with its number. A process that the
    engine starts inside later (a health check) is not limited. poll() with more entries than the
    limit fails with EINVAL, which a real exhaustion does not do.
    """

    name = "descriptor_exhaustion"
    family = "process"
    needs = ("descriptors",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "leave": 0}

    leave: int = 0  # how many more descriptors each process can open

    def problems(self) -> tuple[str, ...]:
        """What is left must be a count."""
        return (*super().problems(), *wrong_count("leave", self.leave, 0, 10000))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """The limits of all processes of each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="descriptors",
                instance=instance,
                params={"leave": self.leave},
                mechanism=f"RLIMIT_NOFILE of every process set to {self.leave} more than it uses",
            )
            for instance in picked
        )


inject = action(DescriptorExhaustion)
