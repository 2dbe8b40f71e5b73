"""How the faults of the firewall are ordered: one operation for each instance, from its rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.faults.parts.traffic import DIRECTIONS, TrafficFault, ends_between
from chaoskit.model.faults import Doer, Instance, Operation

ANSWERS = {"silence": "drop", "refusal": "reset"}  # in files, and to the agent


def firewall(
    instance: Instance, rules: Sequence[Mapping[str, Any]], mechanism: str, **more: Any
) -> Operation:
    """An operation of kind `firewall`; `more` are its other parameters."""
    params = {"rules": list(rules), **more}
    return Operation(
        doer=Doer.AGENT, kind="firewall", instance=instance, params=params, mechanism=mechanism
    )


def cut(
    instance: Instance, others: Sequence[Instance], direction: str, **common: Any
) -> Iterator[dict[str, Any]]:
    """The rules that cut an instance off from others, on every network that they share."""
    for end in ends_between(instance, others):
        for way in DIRECTIONS[direction]:
            yield {"direction": way, **end, **common}


def wrong_answer(answer: str) -> tuple[str, ...]:
    """What is wrong with the argument `answer`, as `problems` says it."""
    if answer in ANSWERS:
        return ()
    return (f"answer: {answer!r} is unknown; choose from {', '.join(ANSWERS)}",)


@dataclass(frozen=True, kw_only=True)
class ConnectionFault(TrafficFault):
    """A fault of TCP connections, which the other protocols do not have."""

    protocols: ClassVar[tuple[str, ...]] = ("tcp",)

    protocol: str = "tcp"  # tcp: nothing else has connections
    direction: str = "both"  # who opens the connection: in (a peer), out (the instance), or both

    def problems(self) -> tuple[str, ...]:
        """Another protocol is refused with what to use instead."""
        found = [one for one in super().problems() if not one.startswith("protocol:")]
        if self.protocol not in self.protocols:
            found.append(
                f"protocol: {self.protocol!r} has no connections; choose tcp here, or blackhole "
                "or loss for datagrams"
            )
        return tuple(found)
