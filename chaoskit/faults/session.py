"""Where a fault goes when chaoslib calls it: to the supervisor, or to a target started by `up`.

The shelf knows only this protocol. Under `chaoskit run` the worker installs a session that hands
every fault to the supervisor. Under a plain `chaos run` nobody has installed one, and the local
session finds the running target by its labels and holds the leases itself.
"""

import importlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chaoskit.faults.base import Fault


class Session(Protocol):
    """Whoever carries faults out."""

    def inject(self, fault: "Fault") -> dict[str, Any]:
        """Apply a fault and prove it in effect; returns what was done, for the journal.

        Raises FaultRefused when it could not be applied or proven.
        """
        ...

    def lift_all(self) -> dict[str, Any]:
        """Lift every held fault and prove it gone. Raises LiftFailed."""
        ...


_installed: list[Session] = []


def install(session: Session) -> None:
    """Make this the session of the process."""
    _installed[:] = [session]


def current() -> Session:
    """The session of this process; without one, a local one is opened.

    The import is made at run time because it is the one step up the stack: chaoslib calls a fault
    by its name, so nobody above it had the chance to hand it a session.
    """
    if not _installed:
        local = importlib.import_module("chaoskit.run.session")
        install(local.open_local())
    return _installed[0]
