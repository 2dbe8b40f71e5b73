"""What the faults have in common that harm packets one by one, in the kernel or in a queue."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from chaoskit.errors import FaultRefused
from chaoskit.faults.base import Site
from chaoskit.faults.parts.traffic import TrafficFault
from chaoskit.model.faults import Doer, Instance, Operation

MECHANISMS = {
    "netem": "netem of the kernel",
    "shaper": "a token bucket of the kernel",
    "queue": "packets through NFQUEUE",
}


@dataclass(frozen=True, kw_only=True)
class PacketFault(TrafficFault):
    """A held fault whose mechanism is the best of several that this kernel has."""

    family: ClassVar[str] = "network"

    @property
    def filtered(self) -> bool:
        """Whether only some packets are meant, whichever way they go."""
        return self.peer is not None or bool(self.ports) or self.protocol != "all"

    def harmed(
        self,
        picked: Sequence[Instance],
        site: Site,
        *,
        effect: Mapping[str, Any],
        words: str,
        ways: Sequence[str],
    ) -> tuple[Operation, ...]:
        """One operation an instance, by the first of these kinds that works here.

        `effect` is what becomes of the packets (see chaoskit.agent.network.fate). Raises FaultRefused when
        no way works.
        """
        kind = first_that_works(self.name, ways, site)
        return tuple(
            Operation(
                doer=Doer.AGENT,
                kind=kind,
                instance=instance,
                params={
                    "rules": self.rules(instance, site),
                    "witness": self.witness(instance, site),
                    "effect": dict(effect),
                    "seed": self.seed,
                },
                mechanism=f"{MECHANISMS[kind]}: {words}, {self.direction}",
            )
            for instance in picked
        )


def first_that_works(fault: str, ways: Sequence[str], site: Site) -> str:
    """The first of these kinds that can be done here. Raises FaultRefused with every reason."""
    missing: dict[str, str] = {}
    for kind in ways:
        missing[kind] = site.missing(kind)
        if not missing[kind]:
            return kind
    reasons = "; ".join(f"{kind}: {why}" for kind, why in missing.items())
    message = f"{fault} cannot be done here: {reasons}"
    raise FaultRefused(message)


def wrong(argument: str, value: object, parse: Callable[[object], float]) -> tuple[str, ...]:
    """What is wrong with an amount that must be above zero, as `problems` says it."""
    try:
        if parse(value) > 0:
            return ()
    except ValueError as error:
        return (f"{argument}: {error}",)
    return (f"{argument}: {value} would change nothing; choose more than zero",)
