"""What a fault is made of: operations that can be proven and undone, written down as data.

A fault on the shelf is a pure function from arguments and chosen instances to operations. Each
operation is a kind and its parameters; who does it (the agent, or the engine) and how it is done,
proven and undone is known by the kind alone. That is what lets any process undo any fault from the
undo log, long after whoever injected it is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# Of faults, by what they harm: the headings of their pages, and the columns of the report's matrix.
FAMILIES = (
    "process",
    "container",
    "network",
    "name resolution",
    "HTTP",
    "resources",
    "time",
    "data",
    "dependency",
    "kubernetes",
    "other",
)


class Nature(StrEnum):
    """Over at once, or on until it is lifted."""

    STRUCK = "struck"
    HELD = "held"


class Doer(StrEnum):
    """Who carries an operation out."""

    AGENT = "agent"
    ENGINE = "engine"
    CLUSTER = "cluster"  # the API server of a Kubernetes cluster


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One container of a service, as the engine knows it now."""

    id: str
    name: str  # "web-2": service and number, as Compose counts
    service: str
    pid: int  # in the engine host's pid namespace; 0 when not running
    addresses: Mapping[str, str] = field(default_factory=dict)  # network → IPv4
    running: bool = True


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing done to one instance; the kind knows how to do, check and undo it."""

    doer: Doer
    kind: str  # signal, firewall, pause, stop, disconnect
    instance: Instance
    params: Mapping[str, Any] = field(default_factory=dict)
    mechanism: str  # for people: "SIGKILL to the main process from the host"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The proof that an operation took effect, with its times."""

    requested_ns: int
    in_effect_ns: int
    evidence: str
    harm_due_ns: int | None = None  # of one that grows: when it hurts unless somebody acts
    harm_stated: bool = False  # by the experiment, and not computed from what was seen


@dataclass(frozen=True, kw_only=True)
class Gone:
    """The proof that nothing of an operation is left."""

    gone_ns: int
    evidence: str  # "rule removed, 0 left", or "the instance was replaced"
