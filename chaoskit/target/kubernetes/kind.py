"""What a kind of operation is to the cluster's hand: functions over an operation, and its rights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Instance, Operation
from chaoskit.target.kubernetes.api import Api
from chaoskit.target.kubernetes.nodeagent import NodeAgents
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state

GONE = "the pod is gone"


class Right(NamedTuple):
    """One thing that one must be allowed to do."""

    verb: str
    resource: str  # with its subresource: pods/exec
    group: str = ""
    everywhere: bool = False  # of the cluster, not of the namespace

    def __str__(self) -> str:
        where = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.resource}{where}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The operation, and what to do it with."""

    api: Api
    operation: Operation
    namespace: str
    agents: NodeAgents
    held_up: Callable[[], None] = lambda: None  # to be told that a disruption budget has said no

    @property
    def params(self) -> Mapping[str, Any]:
        """What the operation's own undo needs, and what its fault asked for."""
        return self.operation.params

    @property
    def instance(self) -> Instance:
        """Whom it is done to."""
        return self.operation.instance

    def find(self) -> PodState | None:
        """The very pod, as it is now; None when it is gone. Another one may have its name."""
        pod = self.api.find(pods(self.namespace, self.instance.name))
        state = pod_state(pod) if pod else None
        return state if state and state.uid == self.instance.id else None

    def must_run(self) -> PodState:
        """The very pod, running and not on its way out. Raises FaultRefused."""
        state = self.find()
        if state is None:
            message = f"{self.instance.name}: {GONE}"
            raise FaultRefused(message)
        if state.terminating or state.phase != "Running":
            what = "being deleted already" if state.terminating else state.phase
            message = f"{self.instance.name} is {what}"
            raise FaultRefused(message)
        return state


@dataclass(frozen=True, kw_only=True)
class ClusterKind:
    """How one kind is done. All functions may raise FaultRefused, ApiError and ApiAway.

    `check` and `undo` must work in any later process, and after pods, nodes or the server went away
    and came back.
    """

    prepare: Callable[[Table], dict[str, Any]]  # what the undo will need; nothing is done yet
    do: Callable[[Table], None]
    check: Callable[[Table], tuple[bool, str]]  # whether it is in effect now, and the evidence
    undo: Callable[[Table], None]  # called only while it is in effect; may be called again
    rights: tuple[Right, ...]
    on_node: bool = False  # by a helper pod on the node
    proof_s: float = 20.0  # how long the proof may take: controllers and kubelets need their time
    renew: Callable[[Table], None] | None = None  # of a lease that is on a node as well
    # Takes away what was set aside for the undo, once that is proven; may be called again.
    forget: Callable[[Table], None] | None = None
    # Whether it was let go by itself, because a lease on a node ran out: then it was not on to the end.
    went_on: Callable[[Table], bool] | None = None
    lasts: str = (
        ""  # the parameter that says after how many seconds it ends by itself, lifted or not
    )
    counts_from_order: bool = True  # nobody tells when it really began; the order is the safe side


def never_undone(_table: Table) -> None:
    """The undo of what is struck: only the system repairs it."""
