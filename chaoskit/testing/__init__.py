"""What a package with faults of its own tests them with: see docs/extending.md.

    from chaoskit.testing import prove_fault, serves, instance
    pytest_plugins = ["chaoskit.testing.fixtures"]        # gives the fixture `arena`

It needs a Docker engine: everything is shown on real containers.
"""

from chaoskit.testing.arena import (
    Arena,
    accepts,
    address_of,
    opened,
    pid_of,
    process_states,
    serves,
    state_of,
)
from chaoskit.testing.kit import NotProven, Proof, instance, prove_fault, web_and_db
from chaoskit.testing.state import State, difference, snapshot

__all__ = [
    "Arena",
    "NotProven",
    "Proof",
    "State",
    "accepts",
    "address_of",
    "difference",
    "instance",
    "opened",
    "pid_of",
    "process_states",
    "prove_fault",
    "serves",
    "snapshot",
    "state_of",
    "web_and_db",
]
