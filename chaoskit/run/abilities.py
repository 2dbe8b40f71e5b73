"""Whether this machine can do what the experiments ask for, found out before a target is started.

Only an agent can tell, because it is the kernel and the engine's limits that decide; it is started
a little earlier for that when a fault needs more than signals, which work wherever containers do.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chaoskit.agent.kinds import KINDS
from chaoskit.errors import EnvironmentUnfit
from chaoskit.faults.base import catalogue
from chaoskit.model.experiment import FaultUse
from chaoskit.target.hands import AgentHand

_EVERYWHERE = frozenset({"signal"})


@dataclass(frozen=True, kw_only=True)
class Ability:
    """How a fault would be done here."""

    fault: str
    kinds: tuple[str, ...] = ()  # of operations that it would come down to
    missing: str = ""  # why it cannot be done; "" when it can


def ability(hand: AgentHand, fault: str) -> Ability:
    """How a fault is done here, or why not. Raises EnvironmentUnfit when no agent can be started.

    All of a fault's `needs` must work, and one of its `ways`; the first that works is used.
    """
    kind = catalogue()[fault]
    missing = {one: hand.missing(one) for one in (*kind.needs, *kind.ways) if one in KINDS}
    lacking = [f"{one}: {missing[one]}" for one in kind.needs if missing.get(one)]
    way = next((one for one in kind.ways if not missing.get(one)), "")
    if kind.ways and not way:
        lacking += [f"{one}: {missing[one]}" for one in kind.ways]
    chosen = (*kind.needs, *((way,) if way else ()))
    return Ability(fault=fault, kinds=chosen, missing="; ".join(lacking))


def refuse_impossible(hand: AgentHand, uses: Iterable[FaultUse]) -> None:
    """Raises EnvironmentUnfit naming every fault that cannot be done here, and why."""
    names = dict.fromkeys(use.fault for use in uses)
    wanted = [one for one in names if not _EVERYWHERE.issuperset(_agent_kinds(one))]
    found = [ability(hand, one) for one in wanted]
    lines = [f"the fault {one.fault} cannot be done here: {one.missing}" for one in found]
    impossible = [line for line, one in zip(lines, found, strict=True) if one.missing]
    if impossible:
        raise EnvironmentUnfit("; ".join(impossible))


def _agent_kinds(fault: str) -> set[str]:
    kind = catalogue()[fault]
    return {one for one in (*kind.needs, *kind.ways) if one in KINDS}
