"""Proves that a fault bites and lifts: on a real engine, with real traffic, and nothing left behind.

    def test_freeze_bites_and_lifts(arena):
        prove_fault("freeze", {"for": "30s"}, arena=arena, bites=lambda one: not serves(web_of(one)))

`bites` is the test's own look at the target, from outside: it must be false before, true while the
fault is on, and false again after it was lifted. A look that cannot tell is found out, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docker.models.containers import Container

from chaoskit.agent.kinds import KINDS
from chaoskit.faults.base import Fault, catalogue
from chaoskit.model.faults import Nature
from chaoskit.run.clock import wait_until
from chaoskit.run.injected import Injected
from chaoskit.target.agent import AGENT_ROLE
from chaoskit.target.engine import ROLE_LABEL, RUN_LABEL
from chaoskit.testing.arena import Arena
from chaoskit.testing.state import difference, snapshot

Look = Callable[[Arena], bool]

_REMOVED_S = 10.0  # the engine removes an agent after it has ended


class NotProven(AssertionError):
    """What a fault promises could not be shown; the message says which part."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was shown."""

    injected: Injected
    gone: tuple[str, ...]  # the evidence of each lift, in order; none of a struck fault


def web_and_db(arena: Arena) -> None:
    """What the examples of all faults are about: one `web`, and one `db` that it can talk to."""
    there = {one.service for one in arena.project.instances()}
    for service in {"web", "db"} - there:
        arena.add(service)


def instance(arena: Arena, service: str = "web", number: int = 0) -> Container:
    """A container of the arena, as it is now."""
    return arena.project.containers(service)[number]


def prove_fault(
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    arena: Arena,
    bites: Look,
    patience_s: float = 5.0,
) -> Proof:
    """Show that a fault bites and, when it is a held one, that it lifts and leaves nothing.

    `arguments` are the class's `example` when they are left out. The arena gets one `web` and one
    `db` unless there are some. A held fault is lifted twice over: by the agent that did it, and by
    a successor after that one was killed. Each look may take `patience_s` seconds to come true.
    Raises NotProven, FaultRefused when the fault itself says no, LiftFailed when it will not go.
    """
    kind = catalogue()[name]
    given = dict(kind.example if arguments is None else arguments)
    web_and_db(arena)
    _ready(arena, kind)
    _must(not bites(arena), f"{name}: the look says that it bites before anything was done")
    before = snapshot(arena.client, arena.run_id)
    injected = arena.inject(name, **given)
    _must(wait_until(lambda: bites(arena), timeout_s=patience_s), f"{name} does not bite")
    if kind.nature is Nature.STRUCK:
        _must(not arena.injector.held, f"{name} is struck, and still something is held")
        return Proof(injected=injected, gone=())
    on, evidence = arena.injector.check(injected.fault_id)
    _must(on, f"{name} bites, and its own check says that it is not on: {evidence}")
    gone = [_lifted(arena, injected.fault_id, bites, patience_s)]
    again = arena.inject(name, **given)
    _kill_agents(arena)
    gone.append(_lifted(arena, again.fault_id, bites, patience_s))
    _ready(arena, kind)
    left = difference(before, snapshot(arena.client, arena.run_id))
    _must(not left, f"{name} left something behind: {'; '.join(left)}")
    return Proof(injected=injected, gone=tuple(gone))


def _ready(arena: Arena, kind: type[Fault]) -> None:
    """All agents that it may need are there, so that none is a difference between two looks."""
    for one in (*kind.needs, *kind.ways):
        if one in KINDS:
            arena.hand.ready(one)


def _lifted(arena: Arena, fault_id: str, bites: Look, patience_s: float) -> str:
    """Lift it, and see that it is gone; the evidence."""
    gone = arena.injector.lift(fault_id)
    is_gone = wait_until(lambda: not bites(arena), timeout_s=patience_s)
    _must(is_gone, f"{fault_id} was lifted, and it still bites")
    return "; ".join(one.evidence for one in gone)


def _kill_agents(arena: Arena) -> None:
    """As a machine out of memory would; whoever lifts next starts new ones."""
    labels = [f"{RUN_LABEL}={arena.run_id}", f"{ROLE_LABEL}={AGENT_ROLE}"]

    def agents() -> list[Container]:
        return arena.client.containers.list(filters={"label": labels}, ignore_removed=True)

    for one in agents():
        one.kill()
    _must(wait_until(lambda: not agents(), timeout_s=_REMOVED_S), "killed agents do not go away")


def _must(condition: bool, otherwise: str) -> None:  # reads as an assertion
    if not condition:
        raise NotProven(otherwise)
