"""Who carries operations out: the same four verbs, whether the agent or the engine does them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import docker

from chaoskit.agent.kinds import KINDS
from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Doer, Effect, Gone, Operation
from chaoskit.target import added_kinds
from chaoskit.target.agent import DEFAULT_LEASE_S, NOTHING_EXTRA, Agent, Extra, Lapse

StartAgent = Callable[[Callable[[Lapse], None], Extra], Agent]

_PROOF_PATIENCE_S = 30.0  # some proofs measure real traffic for seconds


class Hand(Protocol):
    """Carries out, proves, and undoes operations. All verbs raise FaultRefused."""

    def prepare(self, operation: Operation) -> Operation:
        """The operation with everything its undo will need; refuses what cannot be done."""
        ...

    def apply(self, handle: str, operation: Operation, *, held: bool) -> Effect:
        """Do it and prove it; when that fails, nothing of it is left."""
        ...

    def check(self, operation: Operation) -> tuple[bool, str]:
        """Whether it is in effect now, and the evidence."""
        ...

    def undo(self, handle: str, operation: Operation) -> Gone:
        """Undo it and prove that; idempotent, and an instance that is gone counts."""
        ...

    def close(self) -> None:
        """Let go of the connection. Idempotent; never raises."""
        ...


class AnyHands(Protocol):
    """Everybody who can be asked at one target."""

    def of(self, operation: Operation) -> Hand:
        """Whoever does this operation. Raises FaultRefused when nobody here can."""
        ...

    def missing(self, kind: str) -> str:
        """Why this kind of operation cannot be done here; "" when it can."""
        ...

    def listen(self, on_lapse: Callable[[Lapse], None]) -> None:
        """Hear of leases that lapsed under us."""
        ...

    def close(self) -> None:
        """Let go of what the injector has used. Idempotent; never raises."""
        ...


@dataclass(frozen=True)
class Hands:
    """Everybody who can be asked at a Compose project."""

    agent: "AgentHand"
    engine: Hand

    def of(self, operation: Operation) -> Hand:
        """Whoever does this operation. Raises FaultRefused for one that needs a cluster."""
        if operation.doer is Doer.CLUSTER:
            message = f"{operation.kind} is done in a Kubernetes cluster, not here"
            raise FaultRefused(message)
        return self.agent if operation.doer is Doer.AGENT else self.engine

    def missing(self, kind: str) -> str:
        """Why this kind cannot be done here; "" when it can, or the engine does it."""
        return self.agent.missing(kind) if kind in KINDS else ""

    def listen(self, on_lapse: Callable[[Lapse], None]) -> None:
        """Hear of leases that the agent saw lapse."""
        self.agent.on_lapse = on_lapse

    def close(self) -> None:
        """Close the engine's connections; the agents are their target's to send away."""
        self.engine.close()


class AgentHand:
    """Operations that agents do. One is started at first use, and replaced when it died.

    A kind that needs a capability or a device which not every agent has is served by an agent of
    its own, so that the others never have more rights than they need.
    """

    def __init__(self, start: StartAgent) -> None:
        """`start(on_lapse, extra)` starts an agent."""
        self._start = start
        added_kinds.added()  # from here on KINDS knows those of other packages, too
        self._agents: dict[Extra, Agent] = {}
        self._lock = threading.Lock()
        self.on_lapse: Callable[[Lapse], None] = lambda _lapse: None

    @classmethod
    def beside(
        cls,
        client: docker.DockerClient,
        *,
        image: Callable[[], str],
        labels: Mapping[str, str],
        lease_s: float = DEFAULT_LEASE_S,
    ) -> Self:
        """Agents on this engine, all from one image; `image` is asked when one is needed."""

        def start(on_lapse: Callable[[Lapse], None], extra: Extra) -> Agent:
            return Agent.start(
                client,
                image=image(),
                labels=labels,
                lease_s=lease_s,
                on_lapse=on_lapse,
                extra=extra,
            )

        return cls(start)

    def ready(self, kind: str = "") -> Agent:
        """A living agent that may do this kind. Raises EnvironmentUnfit when none can be started."""
        extra = _extra(kind)
        with self._lock:
            agent = self._agents.get(extra)
            if agent is None or not agent.alive:
                if agent is not None:
                    agent.close()
                agent = self._agents[extra] = self._start(self._tell, extra)
            return agent

    def missing(self, kind: str) -> str:
        """Why this kind cannot be done here, or "". Raises EnvironmentUnfit."""
        if kind not in KINDS:
            return f"there is no kind {kind!r} of operation"
        reply = self.ready(kind).request("can", kinds=[kind])
        return str(reply["missing"][kind])

    def close(self) -> None:
        """Send the agents away; they lift what they hold. Idempotent."""
        with self._lock:
            for agent in self._agents.values():
                agent.close()
            self._agents.clear()

    def _tell(self, lapse: Lapse) -> None:
        self.on_lapse(lapse)  # whoever listens may have changed since the agent started

    def prepare(self, operation: Operation) -> Operation:
        """See Hand: the agent looks at the process, so that a reused pid is never touched."""
        params = {**_params(operation)}
        agent = self.ready(operation.kind)
        found = agent.request("survey", kind=operation.kind, params=params)
        return replace(operation, params={**params, **found["params"]})

    def apply(self, handle: str, operation: Operation, *, held: bool) -> Effect:
        """See Hand."""
        agent = self.ready(operation.kind)
        reply = agent.request(
            "apply",
            timeout_s=_PROOF_PATIENCE_S,
            fault=handle,
            kind=operation.kind,
            params=_params(operation),
            lease_s=agent.lease_s if held else None,
        )
        due_ns = reply.get("harm_due_ns")
        return Effect(
            requested_ns=reply["requested_ns"] + agent.clock_offset_ns,
            in_effect_ns=reply["in_effect_ns"] + agent.clock_offset_ns + agent.clock_error_ns,
            evidence=reply["evidence"] + _doubt(agent),
            harm_due_ns=None if due_ns is None else due_ns + agent.clock_offset_ns,
        )

    def check(self, operation: Operation) -> tuple[bool, str]:
        """See Hand."""
        agent = self.ready(operation.kind)
        reply = agent.request("check", kind=operation.kind, params=_params(operation))
        return bool(reply["in_effect"]), str(reply["evidence"])

    def undo(self, handle: str, operation: Operation) -> Gone:
        """See Hand: a dead agent's faults are undone by its successor."""
        agent = self.ready(operation.kind)
        fields: dict[str, Any] = {
            "fault": handle,
            "kind": operation.kind,
            "params": _params(operation),
        }
        try:
            reply = agent.request("undo", **fields)
        except FaultRefused:
            if agent.alive:
                raise
            agent = self.ready(operation.kind)
            reply = agent.request("undo", **fields)
        return Gone(gone_ns=reply["gone_ns"] + agent.clock_offset_ns, evidence=reply["evidence"])


def _extra(kind: str) -> Extra:
    if kind not in KINDS:
        return NOTHING_EXTRA  # the agent will say so
    needs = KINDS[kind]
    return Extra(capabilities=frozenset(needs.capabilities), devices=frozenset(needs.devices))


def _params(operation: Operation) -> dict[str, Any]:
    """The agent's view of an operation: the fault's parameters, and whose process is meant."""
    whose = {"pid": operation.instance.pid, "container": operation.instance.id}
    return {**whose, **operation.params}


def _doubt(agent: Agent) -> str:
    if not agent.clock_error_ns:
        return ""
    return f" (remote engine: times are good to {agent.clock_error_ns / 1e6:.1f} ms)"
