"""The PodDisruptionBudget."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import HealerKind
from chaoskit.healers.floors import Floor


class KubernetesPdb(HealerKind):
    """A PodDisruptionBudget lets no pod be evicted while too few others are ready.

    It repairs nothing: it makes whoever evicts wait until the pods that went are replaced. It is
    asked for evictions only; a pod that is deleted, crashes, or is lost with its node goes past it.
    """

    name = "kubernetes-pdb"
    title = "PodDisruptionBudget"
    acts_alone = False
    rearm = "every pod ready again: the budget counts those that are"
    witness = (
        "the API server's refusals (429, DisruptionBudget) of the evictions that the run asks for"
    )

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """None: it answers at once, but when it is asked too soon is up to whoever evicts."""
        del settings, fault, asks_hz
        return None


KIND = KubernetesPdb()
