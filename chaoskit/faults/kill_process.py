"""Fault `kill_process`: one program inside an instance dies, while its main process lives on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.faults.parts.amounts import wrong_flag
from chaoskit.faults.parts.named import wrong_choice
from chaoskit.model.faults import Doer, Instance, Operation


@dataclass(frozen=True, kw_only=True)
class KillProcess(StruckFault):
    """Kill processes inside an instance by their name, or by what their command line contains.

    What: a worker, a helper or a child dies with SIGKILL; the container stays up, so that no
    restart policy of the engine acts. Whoever supervises the process inside must.

    Mechanism: the agent looks at the processes of the instance, sends SIGKILL to exactly those that
    match, and a pidfd for each of them says that it has ended.

    Undo: none. Only the system repairs it.

    Limits: `process` is compared with what `ps` shows and with the last part of the program's path.
    The main process is spared unless `main` is true; then its end is the container's, as with the
    fault crash. A program that is started again within a millisecond is killed once, not for good.
    """

    name = "kill_process"
    family = "process"
    needs = ("kill_named",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "command": "python3"}

    process: str | None = None  # the name of the program, such as nginx
    command: str | None = None  # a regular expression that is searched for in the command line
    main: bool = False  # whether the main process may be killed too, when it matches

    def problems(self) -> tuple[str, ...]:
        """Exactly one of process and command, and command must be a regular expression."""
        found = (*super().problems(), *wrong_choice(self.process, self.command))
        return (*found, *wrong_flag("main", self.main))

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One look and one kill for each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="kill_named",
                instance=instance,
                params={"process": self.process, "command": self.command, "main": self.main},
                mechanism=f"SIGKILL from the host to whoever matches {self.process or self.command}",
            )
            for instance in picked
        )


inject = action(KillProcess)
