"""Healer `cron-restart`: a cron job that looks at a service and restarts it."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Of, Setting, seconds
from chaoskit.healers.floors import Floor, polled


class CronRestart(HealerKind):
    """A job that asks a service at an interval, and restarts it when it does not answer.

    It looks once, so that one lost answer is enough.
    """

    name = "cron-restart"
    title = "A cron job that restarts what does not answer"
    settings = (
        Setting("every", "Between two looks.", Of.DURATION, "60s"),
        Setting("patience", "The longest wait for an answer.", Of.DURATION, "5s"),
    )
    rearm = "nothing is carried over"
    witness = "log of the job"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of an instance that is gone or silent."""
        del asks_hz
        if fault not in LOSSES:
            return None
        values = self.values(settings)
        seen = polled(values["every"], 1)
        return Floor(detection=seen, uniform=True, why=f"a look every {seconds(values['every'])}")


KIND = CronRestart()
