"""Who carries operations out: the same four verbs, whether the agent or the engine does them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chaoskit.errors import FaultRefused
from chaoskit.model.faults import Doer, Effect, Gone, Operation
from chaoskit.target.agent import Agent, Lapse


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


@dataclass(frozen=True)
class Hands:
    """Everybody who can be asked."""

    agent: "AgentHand"
    engine: Hand

    def of(self, operation: Operation) -> Hand:
        """Whoever does this operation."""
        return self.agent if operation.doer is Doer.AGENT else self.engine


class AgentHand:
    """Operations that the agent does. It is started at first use, and replaced when it died."""

    def __init__(self, start: Callable[[Callable[[Lapse], None]], Agent]) -> None:
        """`start(on_lapse)` starts an agent."""
        self._start = start
        self._agent: Agent | None = None
        self._lock = threading.Lock()
        self.on_lapse: Callable[[Lapse], None] = lambda _lapse: None

    def ready(self) -> Agent:
        """A living agent. Raises EnvironmentUnfit when none can be started."""
        with self._lock:
            if self._agent is None or not self._agent.alive:
                if self._agent is not None:
                    self._agent.close()
                self._agent = self._start(self._tell)
            return self._agent

    def close(self) -> None:
        """Send the agent away; it lifts what it holds. Idempotent."""
        with self._lock:
            if self._agent is not None:
                self._agent.close()
                self._agent = None

    def _tell(self, lapse: Lapse) -> None:
        self.on_lapse(lapse)  # whoever listens may have changed since the agent started

    def prepare(self, operation: Operation) -> Operation:
        """See Hand: the agent looks at the process, so that a reused pid is never touched."""
        params = {**_params(operation)}
        found = self.ready().request("survey", kind=operation.kind, params=params)
        return replace(operation, params={**params, **found["params"]})

    def apply(self, handle: str, operation: Operation, *, held: bool) -> Effect:
        """See Hand."""
        agent = self.ready()
        reply = agent.request(
            "apply",
            fault=handle,
            kind=operation.kind,
            params=_params(operation),
            lease_s=agent.lease_s if held else None,
        )
        return Effect(
            requested_ns=reply["requested_ns"] + agent.clock_offset_ns,
            in_effect_ns=reply["in_effect_ns"] + agent.clock_offset_ns + agent.clock_error_ns,
            evidence=reply["evidence"] + _doubt(agent),
        )

    def check(self, operation: Operation) -> tuple[bool, str]:
        """See Hand."""
        reply = self.ready().request("check", kind=operation.kind, params=_params(operation))
        return bool(reply["in_effect"]), str(reply["evidence"])

    def undo(self, handle: str, operation: Operation) -> Gone:
        """See Hand: a dead agent's faults are undone by its successor."""
        agent = self.ready()
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
            agent = self.ready()
            reply = agent.request("undo", **fields)
        return Gone(gone_ns=reply["gone_ns"] + agent.clock_offset_ns, evidence=reply["evidence"])


def _params(operation: Operation) -> dict[str, Any]:
    """The agent's view of an operation: the fault's parameters, and whose process is meant."""
    whose = {"pid": operation.instance.pid, "container": operation.instance.id}
    return {**whose, **operation.params}


def _doubt(agent: Agent) -> str:
    if not agent.clock_error_ns:
        return ""
    return f" (remote engine: times are good to {agent.clock_error_ns / 1e6:.1f} ms)"
