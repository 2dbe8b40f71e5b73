"""autoheal: a container that restarts unhealthy ones."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.docker_health import unhealthy
from chaoskit.healers.floors import Floor, Span, uniform


class Autoheal(HealerKind):
    """A helper asks the engine for unhealthy containers at an interval, and restarts them.

    The engine's health check comes first, so both periods add up. A process that hangs does not
    hear that it is asked to end: the restart costs the whole stop time-out.
    """

    name = "autoheal"
    title = "autoheal, beside the engine's health check"
    settings = (
        Setting(
            "interval", "Between two looks at the engine (AUTOHEAL_INTERVAL).", Of.DURATION, "5s"
        ),
        Setting(
            "stop_timeout",
            "A container that does not end by itself is killed after (AUTOHEAL_DEFAULT_STOP_TIMEOUT).",
            Of.DURATION,
            "10s",
        ),
        Setting("health_interval", "interval of the health check.", Of.DURATION, "30s"),
        Setting("health_timeout", "timeout of the health check.", Of.DURATION, "30s"),
        Setting("health_retries", "retries of the health check.", Of.COUNT, 3, least=1),
    )
    rearm = "wait until the container is healthy again"
    witness = "log of the helper: `found to be unhealthy`, `Restarting container`"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a hang."""
        del asks_hz
        if LOSSES.get(fault) is not Loss.SILENT or fault == "pause":
            return None
        values = self.values(settings)
        ill = unhealthy(
            values["health_interval"], values["health_timeout"], values["health_retries"]
        )
        seen = ill + uniform(0.0, values["interval"])
        stop_s = values["stop_timeout"]
        why = (
            f"{values['health_retries']} health checks of {seconds(values['health_timeout'])}, "
            f"{seconds(values['health_interval'])} apart; a look every "
            f"{seconds(values['interval'])}; up to {seconds(stop_s)} to stop"
        )
        return Floor(detection=seen, action=seen + Span(0.0, stop_s, stop_s), why=why)


KIND = Autoheal()
