"""The engine's hand: does, proves and undoes what is on the shelf of kinds.

An engine that is being restarted is waited for where that is safe: looking and undoing may be
repeated, doing may not.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import docker
import docker.errors
import requests.exceptions

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.model.faults import Effect, Gone, Operation
from chaoskit.target.patience import Deadline, rest
from chaoskit.target.surgery.kind import EngineKind, Table
from chaoskit.target.surgery.kinds import KINDS

_AWAY = (requests.exceptions.ConnectionError, EnvironmentUnfit)
_TROUBLE = (docker.errors.DockerException, requests.exceptions.RequestException, EnvironmentUnfit)
_AWAY_S = 30.0  # a restart of the engine took 2 to 5 s where it was measured
_AGAIN_S = 0.1

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class EngineHand:
    """Carries operations out through the engine's API; see chaoskit.target.hands.Hand."""

    connect: Callable[[], docker.DockerClient]
    _clients: dict[int, docker.DockerClient] = field(default_factory=dict, init=False, repr=False)
    _given_up: list[str] = field(default_factory=list, init=False, repr=False)

    def prepare(self, operation: Operation) -> Operation:
        """The operation with what its undo needs. Refuses what is already so, by somebody else."""
        kind = _kind(operation)
        already, evidence = self._patiently(operation, kind.check)
        if already:
            message = f"{operation.instance.name} is already so, by somebody else: {evidence}"
            raise FaultRefused(message)
        found = self._patiently(operation, kind.prepare)
        return replace(operation, params={**operation.params, **found})

    def apply(self, handle: str, operation: Operation, *, held: bool) -> Effect:  # noqa: ARG002
        """Do it and prove it; a proof that fails undoes it again."""
        kind = _kind(operation)
        try:
            table = self._table(operation)
            requested_ns = _now_ns()
            kind.do(table)
            done_ns = _now_ns()
            proven, evidence = kind.check(table)
            in_effect_ns = requested_ns if kind.counts_from_order else done_ns
        except _TROUBLE as error:
            raise _refused(operation, error) from error
        if not proven:
            undone = self.undo(handle, operation)
            message = (
                f"{operation.kind} of {operation.instance.name} did not take effect ({evidence}); "
                f"undone: {undone.evidence}"
            )
            raise FaultRefused(message)
        after_s = operation.params.get("harm_after_s")
        return Effect(
            requested_ns=requested_ns,
            in_effect_ns=in_effect_ns,
            evidence=evidence,
            harm_due_ns=None if after_s is None else done_ns + round(after_s * 1e9),
            harm_stated=after_s is not None,
        )

    def check(self, operation: Operation) -> tuple[bool, str]:
        """Whether it is in effect now, and the evidence."""
        return self._patiently(operation, _kind(operation).check)

    def undo(self, handle: str, operation: Operation) -> Gone:  # noqa: ARG002
        """Undo it and prove that; a container that is gone counts."""
        kind = _kind(operation)

        def undone(table: Table) -> tuple[bool, str]:
            try:
                if kind.check(table)[0]:
                    kind.undo(table)
            except docker.errors.NotFound:
                pass  # it went away meanwhile: the check says what that means
            return kind.check(table)

        still, evidence = self._patiently(operation, undone)
        if still:
            message = f"{operation.kind} of {operation.instance.name} is still on: {evidence}"
            raise FaultRefused(message)
        return Gone(gone_ns=_now_ns(), evidence=evidence)

    def close(self) -> None:
        """Close the connections to the engine; the next use opens a new one."""
        for thread in list(self._clients):
            self._drop(thread)

    def _patiently(self, operation: Operation, work: Callable[[Table], Answer]) -> Answer:
        """The answer of what may be repeated, from an engine that may be away for a while."""
        deadline = Deadline(_AWAY_S)
        while True:
            try:
                answer = work(self._table(operation))
            except _AWAY as error:
                self._drop(threading.get_ident())  # its connections lead to an engine that ended
                if deadline.passed or self._given_up:  # wait once, not for every operation
                    self._given_up.append(str(error))
                    raise _refused(operation, error) from error
                rest(_AGAIN_S)
            except _TROUBLE as error:
                raise _refused(operation, error) from error
            else:
                self._given_up.clear()
                return answer

    def _table(self, operation: Operation) -> Table:
        """One client for each thread; see chaoskit.target.engine.connect."""
        thread = threading.get_ident()
        if thread not in self._clients:
            self._clients[thread] = self.connect()
        return Table(client=self._clients[thread], operation=operation)

    def _drop(self, thread: int) -> None:
        if client := self._clients.pop(thread, None):
            client.close()


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251  # run/clock is above us; taken around the call


def _refused(operation: Operation, error: Exception) -> FaultRefused:
    words = getattr(error, "explanation", None) or error
    return FaultRefused(f"{operation.kind} of {operation.instance.name}: {words}")


def _kind(operation: Operation) -> EngineKind:
    if operation.kind not in KINDS:
        message = f"the engine knows no operation {operation.kind!r}; it can {', '.join(KINDS)}"
        raise FaultRefused(message)
    return KINDS[operation.kind]
