"""The HorizontalPodAutoscaler."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import HealerKind, Of, Setting, seconds
from chaoskit.healers.floors import Floor, uniform


class KubernetesHpa(HealerKind):
    """The HorizontalPodAutoscaler changes a workload's replicas with its load, between two bounds.

    It looks at an interval. Fewer replicas than the least are made up for at its next look, whatever
    the metrics say; but none at all switch it off, so a workload that is scaled to zero stays there.
    A lost pod is the business of the workload's own controller, and no look of this one.
    """

    name = "kubernetes-hpa"
    title = "HorizontalPodAutoscaler"
    settings = (
        Setting("sync_period", "horizontal-pod-autoscaler-sync-period.", Of.DURATION, "15s"),
        Setting(
            "metric_resolution", "metric-resolution of the metrics server.", Of.DURATION, "15s"
        ),
        Setting("least", "minReplicas.", Of.COUNT, 1),
        Setting("most", "maxReplicas.", Of.COUNT, least=1),
        Setting("up_window", "scaleUp: stabilizationWindowSeconds.", Of.DURATION, "0s"),
        Setting("down_window", "scaleDown: stabilizationWindowSeconds.", Of.DURATION, "300s"),
    )
    rearm = (
        "the load gone for longer than the down window, so that the least number is left: what was "
        "recommended within it is remembered"
    )
    witness = "the HorizontalPodAutoscaler's wish, and its workload's replicas that follow it"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of replicas that are taken away; of a load nothing can be said."""
        del asks_hz
        values = self.values(settings)
        least, most = values["least"], values["most"]
        if most is not None and least > most:
            message = f"least ({least}) is more than most ({most})"
            raise ValueError(message)
        if fault != "workload_scale":
            return None
        sync_s = values["sync_period"]
        look = uniform(0.0, sync_s)
        why = f"a look every {seconds(sync_s)}, which makes up for what is below the least number"
        return Floor(detection=look, action=look, why=why)


KIND = KubernetesHpa()
