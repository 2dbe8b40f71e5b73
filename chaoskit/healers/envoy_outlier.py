"""Envoy's outlier detection."""

import math
from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting
from chaoskit.healers.floors import Floor, Span, uniform


class EnvoyOutlier(HealerKind):
    """Envoy takes a host out after so many errors in a row, for longer each time.

    Only users' requests tell it, so detection is as quick as traffic is dense, and a request that
    hangs counts when it has timed out. At most max_ejection_percent of the hosts are out at once.
    """

    name = "envoy-outlier"
    title = "Outlier detection of Envoy"
    settings = (
        Setting("consecutive_5xx", "Errors in a row until a host is out.", Of.COUNT, 5, least=1),
        Setting("interval", "Between two sweeps that let hosts back in.", Of.DURATION, "10s"),
        Setting("base_ejection_time", "How long it is out the first time.", Of.DURATION, "30s"),
        Setting("max_ejection_time", "And at most.", Of.DURATION, "300s"),
        Setting("max_ejection_percent", "Share of hosts that may be out.", Of.COUNT, 10),
        Setting("timeout", "The route's time-out.", Of.DURATION, "15s"),
        Setting("connect_timeout", "The cluster's.", Of.DURATION, "5s"),
    )
    rearm = "the ejection time grows with each one: wait until it has decayed, or restart Envoy"
    witness = "its admin endpoint: `failed_outlier_check` in /clusters"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a host that is lost while so many requests a second go to it; None when unknown."""
        loss = LOSSES.get(fault)
        if loss is None or asks_hz <= 0:
            return None
        values = self.values(settings)
        errors = values["consecutive_5xx"]
        cost_s = values["timeout"] if loss is Loss.SILENT else values["connect_timeout"]
        least_s = cost_s if loss is Loss.SILENT else 0.0
        seen = Span(0.0, errors / asks_hz + least_s, (errors + 1) / asks_hz + cost_s)
        why = f"{errors} errors in a row at {asks_hz:g} requests a second to the host"
        return Floor(detection=seen, action=seen, why=why)


def out_s(times: int, base_s: float = 30.0, most_s: float = 300.0) -> float:
    """How long a host is out, the n-th time in a row."""
    return min(most_s, base_s * times)


def back_in(times: int, sweep_s: float = 10.0, base_s: float = 30.0) -> Span:
    """From being put out to being let in again, which only a sweep does."""
    out = out_s(times, base_s)
    return uniform(out, math.ceil(out / sweep_s) * sweep_s + sweep_s)


KIND = EnvoyOutlier()
