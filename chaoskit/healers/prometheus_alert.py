"""An alert of Prometheus, and Alertmanager behind it."""

import math
from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, exactly, uniform


class PrometheusAlert(HealerKind):
    """A rule fires when what was scraped has been bad for long enough; somebody else must act.

    The fault waits for the next scrape, that for the next evaluation, and `for` is rounded up to
    whole evaluations. Alertmanager then waits for the rest of the group.
    """

    name = "prometheus-alert"
    title = "Alert of Prometheus"
    settings = (
        Setting("scrape_interval", "Between two scrapes.", Of.DURATION, "1m"),
        Setting("scrape_timeout", "A scrape that takes longer has failed.", Of.DURATION, "10s"),
        Setting("evaluation_interval", "Between two evaluations.", Of.DURATION, "1m"),
        Setting("for", "How long it must be bad.", Of.DURATION, "0s"),
        Setting("group_wait", "Alertmanager's wait for the rest of a group.", Of.DURATION, "30s"),
    )
    acts_alone = False
    rearm = "wait until the alert is resolved"
    witness = "http: /api/v1/alerts with `firing`, or what Alertmanager calls"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a target that is lost; a rule about anything else has no floor that is known."""
        del asks_hz
        loss = LOSSES.get(fault)
        if loss is None:
            return None
        values = self.values(settings)
        firing = fires(values["scrape_interval"], values["evaluation_interval"], values["for"])
        if loss is not Loss.GONE:
            firing += exactly(values["scrape_timeout"])
        why = (
            f"a scrape every {seconds(values['scrape_interval'])}, an evaluation every "
            f"{seconds(values['evaluation_interval'])}, for {seconds(values['for'])}, "
            f"group_wait {seconds(values['group_wait'])}"
        )
        return Floor(detection=firing, action=firing + exactly(values["group_wait"]), why=why)


def fires(scrape_s: float, evaluation_s: float, for_s: float) -> Span:
    """Until the alert fires."""
    held_s = math.ceil(for_s / evaluation_s) * evaluation_s if evaluation_s else for_s
    return uniform(0.0, scrape_s) + uniform(0.0, evaluation_s) + exactly(held_s)


KIND = PrometheusAlert()
