"""The arena of chaoskit.testing, under the name that our own tests use."""

from chaoskit.testing.arena import (
    SERVER,
    Arena,
    accepts,
    address_of,
    pid_of,
    process_states,
    serves,
    state_of,
)
from chaoskit.testing.fixtures import arena

__all__ = [
    "SERVER",
    "Arena",
    "accepts",
    "address_of",
    "arena",
    "pid_of",
    "process_states",
    "serves",
    "state_of",
]
