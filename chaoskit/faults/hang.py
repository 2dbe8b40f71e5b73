"""Fault `hang`: a process is there and does nothing, as in a deadlock or an endless loop."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.model.faults import Doer, Instance, Operation

SCOPES = ("all", "main")


@dataclass(frozen=True, kw_only=True)
class Hang(HeldFault):
    """Stop the processes of an instance without ending them: connections open, nobody answers.

    What: SIGSTOP. The kernel still accepts connections on behalf of the service and acknowledges
    data, so that only a time-out tells; a health check that merely connects sees nothing.

    Mechanism: the agent stops every process of the container (`scope: all`), or only its main
    process (`scope: main`), and sees each thread in state T. `docker kill -s STOP` is not used: it
    disarms the restart policy for good.

    Undo: SIGCONT to whatever is stopped there, seen running again.

    Limits: `scope: all` is refused for a container that shares its process namespace. A process
    that the engine starts inside later, such as its health check, is not stopped.
    """

    name = "hang"
    needs = ("signal",)

    scope: str = "all"  # all processes of the instance, or main: only the first one

    def problems(self) -> tuple[str, ...]:
        """The scope must be a known one."""
        if self.scope in SCOPES:
            return super().problems()
        return (*super().problems(), f"scope: {self.scope!r}; choose from {', '.join(SCOPES)}")

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """SIGSTOP to each instance."""
        whom = "every process" if self.scope == "all" else "the main process"
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="signal",
                instance=instance,
                params={"signal": "STOP", "scope": self.scope},
                mechanism=f"SIGSTOP to {whom}, from the host",
            )
            for instance in picked
        )


inject = action(Hang)
