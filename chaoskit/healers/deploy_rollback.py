"""A deployment that goes back to the version before."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import HealerKind, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, polled

_FAULTS = frozenset({"bad-deploy", "bad_deploy"})


class DeployRollback(HealerKind):
    """Whoever deploys looks at the new version, and goes back when it is not well.

    Failed deployment recovery time counts from the deployment, detection included (DORA, as DevLake
    computes it).
    """

    name = "deploy-rollback"
    title = "Rollback of a failed deployment"
    settings = (
        Setting("interval", "Between two looks at the new version.", Of.DURATION, "5s"),
        Setting("failures", "Bad looks until it goes back.", Of.COUNT, 1, least=1),
        Setting("timeout", "A look that takes longer is bad.", Of.DURATION, "1s"),
        Setting("monitor", "How long it looks at all.", Of.DURATION, "5s"),
    )
    rearm = "the good version deployed, at full strength"
    witness = "log or endpoint of the deployer"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a bad deployment; of nothing else."""
        del asks_hz
        if fault not in _FAULTS:
            return None
        values = self.values(settings)
        looks = polled(values["interval"], values["failures"])
        # A version that does not start fails a look at once; one that hangs costs its time-out.
        cost_s = values["timeout"]
        seen = Span(looks.best_s, looks.mean_s, looks.worst_s + cost_s)
        why = f"{values['failures']} bad looks, one every {seconds(values['interval'])}"
        return Floor(detection=seen, why=why)


KIND = DeployRollback()
