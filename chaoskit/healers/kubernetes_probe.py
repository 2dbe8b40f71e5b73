"""The kubelet's liveness and readiness probes."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, polled


class KubernetesProbe(HealerKind):
    """The kubelet asks a container at a fixed period, and restarts it or takes it out of service.

    A container that hangs does not hear that it is asked to end, so a restart costs the whole grace
    period as well. A readiness probe only takes it out of service.
    """

    name = "kubernetes-probe"
    title = "Probe of the kubelet"
    settings = (
        Setting("probe", "Which one.", Of.WORD, "liveness", ("liveness", "readiness", "startup")),
        Setting("period", "periodSeconds.", Of.DURATION, "10s"),
        Setting("timeout", "timeoutSeconds.", Of.DURATION, "1s"),
        Setting("failure_threshold", "failureThreshold.", Of.COUNT, 3, least=1),
        Setting("success_threshold", "successThreshold.", Of.COUNT, 1, least=1),
        Setting("initial_delay", "initialDelaySeconds.", Of.DURATION, "0s"),
        Setting("grace_period", "terminationGracePeriodSeconds.", Of.DURATION, "30s"),
    )
    rearm = "delete the pod: a new one has no back-off; or wait for 10 minutes"
    witness = "the pod's Ready condition and restartCount"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a container that does not answer; one that ended is seen by the kubelet without it."""
        del asks_hz
        loss = LOSSES.get(fault)
        if loss is None or loss is Loss.GONE:
            return None
        values = self.values(settings)
        seen = polled(values["period"], values["failure_threshold"], values["timeout"])
        grace_s = values["grace_period"]
        restarts = values["probe"] != "readiness"
        action = seen + Span(0.0, grace_s, grace_s) if restarts else seen
        why = (
            f"{values['failure_threshold']} probes, one every {seconds(values['period'])}, "
            f"each {seconds(values['timeout'])}"
        )
        return Floor(detection=seen, action=action, uniform=True, why=why)


KIND = KubernetesProbe()
