"""The engine's health check of a container."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, uniform

SETTINGS = (
    Setting("interval", "From the end of one check to the next.", Of.DURATION, "30s"),
    Setting("timeout", "A check that takes longer has failed.", Of.DURATION, "30s"),
    Setting("retries", "Failures in a row until unhealthy.", Of.COUNT, 3, least=1),
    Setting("start_period", "Failures that do not count, from the start.", Of.DURATION, "0s"),
    Setting("start_interval", "Between checks in the start period.", Of.DURATION, "5s"),
)


class DockerHealth(HealerKind):
    """The engine notices that a container is unhealthy, and does nothing about it.

    The interval counts from the end of a check, so each check that hangs adds its whole time-out.
    A restart policy does not look at health: whoever wants unhealthy containers restarted needs
    another healer, such as autoheal. A container that ended is not checked any more.
    """

    name = "docker-health"
    title = "Health check of the Docker engine"
    settings = SETTINGS
    acts_alone = False
    rearm = "wait until the container is healthy again"
    witness = "the engine's health_status events; it never acts, so `acted` is never seen"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a hang of what the check asks; it runs inside the container."""
        del asks_hz
        if LOSSES.get(fault) is not Loss.SILENT or fault == "pause":
            return None  # nothing runs in a container that is frozen, its checks included
        values = self.values(settings)
        span = unhealthy(values["interval"], values["timeout"], values["retries"])
        why = (
            f"{values['retries']} checks of {seconds(values['timeout'])}, "
            f"{seconds(values['interval'])} from the end of one to the next"
        )
        return Floor(detection=span, uniform=True, why=why)


def unhealthy(interval_s: float, timeout_s: float, retries: int) -> Span:
    """Until a container whose checks hang is unhealthy."""
    best_s = retries * timeout_s + (retries - 1) * interval_s
    return uniform(best_s, best_s + interval_s)


KIND = DockerHealth()
