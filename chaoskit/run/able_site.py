"""What a fault may ask before it chooses its mechanism: who is there, and what works here."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaoskit.faults.base import Instances
from chaoskit.model.faults import Instance
from chaoskit.target.hands import AnyHands


@dataclass(frozen=True)
class AbleSite:
    """See chaoskit.faults.base.Site: a target's instances, and the hands that would break them."""

    there: Instances
    hands: AnyHands

    def instances(self, service: str) -> Sequence[Instance]:
        """The instances of a service that exist now. Raises FaultRefused for an unknown service."""
        return self.there.instances(service)

    def services(self) -> Sequence[str]:
        """The names of all services of the target."""
        return self.there.services()

    def missing(self, kind: str) -> str:
        """Why this kind of operation cannot be done here; "" when it can."""
        return self.hands.missing(kind)
