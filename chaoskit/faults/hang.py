"""Fault `hang`: a process is there and does nothing, as in a deadlock or an endless loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import HeldFault, Site, action
from chaoskit.faults.parts.named import wrong_choice
from chaoskit.model.faults import Doer, Instance, Operation

SCOPES = ("all", "main")


@dataclass(frozen=True, kw_only=True)
class Hang(HeldFault):
    """Stop the processes of an instance without ending them: connections open, nobody answers.

    What: SIGSTOP. The kernel still accepts connections on behalf of the service and acknowledges
    data, so that only a time-out tells; a health check that merely connects sees nothing.

    Mechanism: the agent stops every process of the container (`scope: all`), only its main process
    (`scope: main`), or those that `process` or `command` names, and sees each thread in state T.
    `docker kill -s STOP` is not used: it disarms the restart policy for good.

    Undo: SIGCONT to whatever is stopped there, seen running again.

    Limits: `scope: all` is refused for a container that shares its process namespace. A process
    that the engine starts inside later, such as its health check, is not stopped. Of named
    processes the main one is spared, as with the fault kill_process.
    """

    name = "hang"
    family = "process"
    needs = ("signal", "stop_named")
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "duration": "10s"}

    scope: str = "all"  # all processes of the instance, or main: only the first one
    process: str | None = None  # instead: the name of the program inside that hangs, such as nginx
    command: str | None = None  # instead: a regular expression, searched for in the command line

    def problems(self) -> tuple[str, ...]:
        """The scope must be a known one, and is of no use beside a name."""
        found = list(super().problems())
        if self.scope not in SCOPES:
            found.append(f"scope: {self.scope!r}; choose from {', '.join(SCOPES)}")
        if self.process is None and self.command is None:
            return tuple(found)
        if self.scope != SCOPES[0]:
            found.append(f"scope: {self.scope!r} says another thing than process or command")
        return (*found, *wrong_choice(self.process, self.command))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """SIGSTOP to each instance."""
        kind, params, whom = self._meant()
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind=kind,
                instance=instance,
                params=params,
                mechanism=f"SIGSTOP to {whom}, from the host",
            )
            for instance in picked
        )

    def _meant(self) -> tuple[str, Mapping[str, Any], str]:
        """The kind of operation, its parameters, and whom it stops, in words."""
        if named := self.process or self.command:
            params = {"process": self.process, "command": self.command, "main": False}
            return "stop_named", params, f"whoever matches {named}"
        whom = "every process" if self.scope == "all" else "the main process"
        return "signal", {"signal": "STOP", "scope": self.scope}, whom


inject = action(Hang)
