"""Fault `signal`: a process is told something by its signal handler: end, reload, dump."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from signal import Signals
from typing import Any, ClassVar

from chaoskit.faults.base import Site, StruckFault, action
from chaoskit.model.faults import Doer, Instance, Operation

WHOM = {"main": "the main process", "all": "every process that notices it"}
_ELSEWHERE = {"KILL": "crash", "STOP": "hang", "CONT": "hang, which continues when it is lifted"}


@dataclass(frozen=True, kw_only=True)
class Signal(StruckFault):
    """Send a signal of any name to the main process of an instance, or to all of its processes.

    What: what the signal means to the program: TERM asks it to end, HUP often to read its
    configuration again, QUIT to dump. Whoever sends it is not the engine, so that a restart policy
    acts on what comes of it.

    Mechanism: the agent sends it from the host's process namespace to exactly those processes that
    were looked at. It is in effect when the kernel's books say that it was taken: it is no longer
    pending, or the process has ended. A signal that the kernel would throw away is refused before
    it is sent: because the process ignores it, or because it is number 1 of its namespace and has
    no handler for it.

    Undo: none. Only the system repairs it.

    Limits: that a handler was entered says nothing about what it did. KILL is the fault crash, and
    STOP the fault hang. With `scope: all`, processes that would not notice the signal are left out.
    """

    name = "signal"
    family = "process"
    needs = ("deliver",)
    example: ClassVar[Mapping[str, Any]] = {"service": "web", "signal": "TERM"}

    signal: str  # such as TERM, HUP or USR1; with or without SIG
    scope: str = (
        "main"  # main: the first process; all: every process of the instance that notices it
    )

    def problems(self) -> tuple[str, ...]:
        """The signal must be one that this fault may send, and the scope a known one."""
        found = list(super().problems())
        if self.word in _ELSEWHERE:
            found.append(f"signal: {self.word} is what the fault {_ELSEWHERE[self.word]} does")
        elif f"SIG{self.word}" not in Signals.__members__:
            choices = ", ".join(("TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "ABRT"))
            found.append(f"signal: there is no {self.signal!r}; choose one such as {choices}")
        if self.scope not in WHOM:
            found.append(f"scope: {self.scope!r} is unknown; choose from {', '.join(WHOM)}")
        return tuple(found)

    @property
    def word(self) -> str:
        """The signal's name, without SIG."""
        return str(self.signal).upper().removeprefix("SIG")

    def operations(self, picked: Sequence[Instance], site: Site) -> tuple[Operation, ...]:  # noqa: ARG002
        """One signal to each instance."""
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind="deliver",
                instance=instance,
                params={"signal": self.word, "scope": self.scope},
                mechanism=f"SIG{self.word} to {WHOM[self.scope]}, from the host",
            )
            for instance in picked
        )


inject = action(Signal)
