"""What `doctor` says about each fault: available and through what, or why not and what mends it."""

from collections.abc import Iterable, Iterator

from chaoskit.agent.kinds import KINDS
from chaoskit.errors import ChaoskitError
from chaoskit.faults.base import catalogue
from chaoskit.run.abilities import ability
from chaoskit.target.checks import Check, Status
from chaoskit.target.hands import AgentHand

_WHY = "an experiment with a fault that cannot be done here is refused before anything starts"
_OTHERWISE = "`chaoskit explain {fault}` says what it needs, and what it cannot do"


def fault_checks(hand: AgentHand | None) -> Iterator[Check]:
    """One check a fault, with the agents asked; without any, one that says it was not tried."""
    if hand is None:
        yield Check(
            id="Faults",
            status=Status.UNKNOWN,
            evidence=f"not tried, {len(catalogue())} of them",
            why=_WHY,
            fix="chaoskit doctor --full",
        )
        return
    for name in catalogue():
        yield _check(hand, name)


def _check(hand: AgentHand, fault: str) -> Check:
    if catalogue()[fault].in_cluster:
        return Check(
            id=f"Fault:{fault}",
            status=Status.UNKNOWN,
            evidence="done in a Kubernetes cluster, which is asked when a run begins",
            why=_WHY,
            fix=_OTHERWISE.format(fault=fault),
        )
    try:
        found = ability(hand, fault)
        missing = found.missing
        evidence = f"available, through {' and '.join(map(_through, found.kinds))}"
        if not missing:
            evidence += "".join(_other_ways(hand, fault, found.kinds))
    except ChaoskitError as error:
        missing, evidence = str(error), ""
    return Check(
        id=f"Fault:{fault}",
        status=Status.WARN if missing else Status.OK,
        evidence=f"not available: {missing}" if missing else evidence,
        why=_WHY,
        fix=_remedy(fault),
    )


def _other_ways(hand: AgentHand, fault: str, chosen: Iterable[str]) -> Iterator[str]:
    """What of its other mechanisms: they may do what the best one cannot, such as filter."""
    for one in catalogue()[fault].ways:
        if one not in chosen:
            why_not = hand.missing(one)
            yield f"; {one} does not work here: {why_not}" if why_not else f"; {one} works, too"


def _through(kind: str) -> str:
    return f"{kind} (the agent)" if kind in KINDS else f"{kind} (the engine)"


def _remedy(fault: str) -> str:
    """What would make it possible: as its kinds say it."""
    kinds: Iterable[str] = (*catalogue()[fault].needs, *catalogue()[fault].ways)
    told = dict.fromkeys(_of_kind(one) for one in kinds if one in KINDS)
    return "; or ".join(filter(None, told)) or _OTHERWISE.format(fault=fault)


def _of_kind(kind: str) -> str:
    needs = KINDS[kind]
    rights = f"an engine that lets containers have {', '.join(needs.capabilities)}"
    return needs.remedy or (rights if needs.capabilities else "")
