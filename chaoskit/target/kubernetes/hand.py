"""The cluster's hand: does, proves and undoes what is on the shelf of kinds.

Looking and undoing are repeated while the API server is away; doing is not. A held fault leaves a
record in the cluster before it is done: a ConfigMap with everything that its undo needs, and with an
expiry that this hand renews. Whoever finds it expired may lift it: the sweeper, or `recover`.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.model.faults import Effect, Gone, Operation
from chaoskit.target.agent import Lapse
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.kind import ClusterKind, Table
from chaoskit.target.kubernetes.kinds import KINDS
from chaoskit.target.kubernetes.lease import LEASE_S, Leases
from chaoskit.target.kubernetes.nodeagent import NodeAgents
from chaoskit.target.kubernetes.now import now_ns
from chaoskit.target.patience import Deadline, rest

_AWAY_S = 30.0
_AGAIN_S = 0.1
_CONFLICT = 409

Answer = TypeVar("Answer")


@dataclass
class ClusterHand:
    """Carries operations out; see chaoskit.target.hands.Hand."""

    api: Api
    namespace: str
    agents: NodeAgents
    leases: Leases
    on_lapse: Callable[[Lapse], None] = field(default_factory=lambda: _unheard, init=False)
    # What is about to be put back: whoever watches must not take it for a healer's doing.
    on_undo: Callable[[Operation], None] = field(default_factory=lambda: _unheard, init=False)
    # What a disruption budget does not let us do, yet.
    on_held_up: Callable[[Operation], None] = field(default_factory=lambda: _unheard, init=False)
    # Handle → when it ends by itself, if ever; of what was proven here and not undone yet.
    _on: dict[str, int | None] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def of(
        cls, api: Api, namespace: str, *, image: str, labels: Mapping[str, str]
    ) -> "ClusterHand":
        """A hand for one namespace."""
        agents = NodeAgents(api=api, namespace=namespace, image=image, labels=labels)
        leases = Leases(api=api, namespace=namespace, labels=labels)
        return cls(api=api, namespace=namespace, agents=agents, leases=leases)

    def prepare(self, operation: Operation) -> Operation:
        """The operation with what its undo needs. Refuses what is already so, by somebody else."""
        kind = _kind(operation)
        params = {**operation.params, "namespace": self.namespace, "context": self.api.context}
        params |= {"lease_s": LEASE_S, "agent_image": self.agents.image}
        operation = replace(operation, params=params)
        already, evidence = self._patiently(operation, kind.check)
        if already:
            message = f"{operation.instance.name} is already so, by somebody else: {evidence}"
            raise FaultRefused(message)
        found = self._patiently(operation, kind.prepare)
        return replace(operation, params={**operation.params, **found})

    def apply(self, handle: str, operation: Operation, *, held: bool) -> Effect:
        """Do it and prove it; a proof that fails undoes it again."""
        kind, table = _kind(operation), self._table(operation)
        try:
            if held:
                renew = kind.renew
                touch = None if renew is None else partial(renew, table)
                self.leases.take(handle, operation, touch)
            requested_ns = now_ns()
            kind.do(table)
            done_ns = now_ns()
            proven, evidence = self._proof(kind, operation)
        except (ApiError, ApiAway) as error:
            raise _refused(operation, error) from error
        if not proven:
            undone = self.undo(handle, operation)
            message = (
                f"{operation.kind} of {operation.instance.name} did not take effect within "
                f"{kind.proof_s:g} s ({evidence}); undone: {undone.evidence}"
            )
            raise FaultRefused(message)
        lasts_s = operation.params.get(kind.lasts)
        self._on[handle] = None if lasts_s is None else requested_ns + round(lasts_s * 1e9)
        in_effect_ns = requested_ns if kind.counts_from_order else done_ns
        return Effect(requested_ns=requested_ns, in_effect_ns=in_effect_ns, evidence=evidence)

    def check(self, operation: Operation) -> tuple[bool, str]:
        """Whether it is in effect now, and the evidence."""
        return self._patiently(operation, _kind(operation).check)

    def undo(self, handle: str, operation: Operation) -> Gone:
        """Undo it and prove that; a pod that is gone counts, and what ended by itself ended then."""
        kind = _kind(operation)
        if handle in self._on and kind.went_on and self._patiently(operation, kind.went_on):
            words = f"{operation.instance.name} went on before it was let go: its lease ran out"
            lapse = Lapse(fault=handle, lifted=True, gone_ns=now_ns(), evidence=words)
            self.on_lapse(lapse)
        ends_ns = self._on.pop(handle, None)
        # What is still ours must go, in effect or not: a half-done fault is on all the same.
        operation = replace(operation, params={**operation.params, "undoing": True})
        deadline = Deadline(kind.proof_s)
        while True:
            still, evidence = self._patiently(operation, partial(self._undone, kind))
            if not still or deadline.passed:
                break
            rest(_AGAIN_S)
        if still:
            message = f"{operation.kind} of {operation.instance.name} is still on: {evidence}"
            raise FaultRefused(message)
        now = now_ns()
        gone = Gone(gone_ns=now if ends_ns is None else min(now, ends_ns), evidence=evidence)
        if kind.forget is not None:
            self._patiently(operation, kind.forget)
        self._patiently(operation, lambda _table: self.leases.drop(handle, operation))
        return gone

    def close(self) -> None:
        """Renew nothing any more, and send the helpers away."""
        self.leases.close()
        try:
            self.agents.close()
        except (ApiError, ApiAway):
            return  # they go with the namespace, or end by themselves

    def _proof(self, kind: ClusterKind, operation: Operation) -> tuple[bool, str]:
        deadline = Deadline(kind.proof_s)
        while True:
            proven, evidence = self._patiently(operation, kind.check)
            if proven or deadline.passed:
                return proven, evidence
            rest(_AGAIN_S)

    def _patiently(self, operation: Operation, work: Callable[[Table], Answer]) -> Answer:
        """The answer of what may be repeated, from a server that may be away for a while."""
        deadline = Deadline(_AWAY_S)
        while True:
            try:
                return work(self._table(operation))
            except (ApiAway, EnvironmentUnfit) as error:
                if deadline.passed:
                    raise _refused(operation, error) from error
            except ApiError as error:
                again = error.status == _CONFLICT or error.status >= 500
                if not again or deadline.passed:
                    raise _refused(operation, error) from error
            rest(_AGAIN_S)

    def _undone(self, kind: ClusterKind, table: Table) -> tuple[bool, str]:
        if kind.check(table)[0]:
            self.on_undo(table.operation)
            kind.undo(table)
        return kind.check(table)

    def _table(self, operation: Operation) -> Table:
        namespace = str(operation.params.get("namespace") or self.namespace)
        return Table(
            api=self.api,
            operation=operation,
            namespace=namespace,
            agents=self.agents,
            held_up=lambda: self.on_held_up(operation),
        )


def _unheard(_about: Operation | Lapse) -> None:
    """Nobody listens: what was left by a dead run is undone without a run."""


def _refused(operation: Operation, error: Exception) -> FaultRefused:
    return FaultRefused(f"{operation.kind} of {operation.instance.name}: {error}")


def _kind(operation: Operation) -> ClusterKind:
    if operation.kind not in KINDS:
        message = f"the cluster knows no operation {operation.kind!r}; it can {', '.join(KINDS)}"
        raise FaultRefused(message)
    return KINDS[operation.kind]
