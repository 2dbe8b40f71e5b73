"""HAProxy's health checks of its servers."""

from collections.abc import Mapping
from typing import Any

from chaoskit.healers.base import LOSSES, HealerKind, Loss, Of, Setting, seconds
from chaoskit.healers.floors import Floor, Span, uniform

_OBSERVE = ("none", "layer4", "layer7")


class HaproxyCheck(HealerKind):
    """HAProxy takes a server out of service after `fall` failed checks, and back after `rise` good ones.

    The next check is due `inter` (`fastinter` once one has failed) after the end of the last
    (haproxy, src/check.c), so that each check that runs into its time-out adds it. With `observe`,
    users' own requests are checks too, and detection is driven by traffic: it may come at once.
    """

    name = "haproxy-check"
    title = "Health check of HAProxy"
    settings = (
        Setting("inter", "Between two checks.", Of.DURATION, "2s"),
        Setting("fastinter", "The same, once a check has failed; absent: inter.", Of.DURATION),
        Setting("downinter", "The same, while a server is down; absent: inter.", Of.DURATION),
        Setting("fall", "Failures in a row until down.", Of.COUNT, 3, least=1),
        Setting("rise", "Successes in a row until up.", Of.COUNT, 2, least=1),
        Setting("timeout", "timeout check; absent: inter.", Of.DURATION),
        Setting("connect_timeout", "timeout connect; absent: inter.", Of.DURATION),
        Setting("observe", "Whether users' requests count too.", Of.WORD, "none", _OBSERVE),
        Setting("error_limit", "How many of them, with on-error mark-down.", Of.COUNT, 10, least=1),
        Setting("slowstart", "Until a server that is up has its full share.", Of.DURATION, "0s"),
    )
    rearm = "every server up, for as long as slowstart"
    witness = "log of the proxy: `is DOWN` and `is UP`; or its statistics"

    def floor(
        self, settings: Mapping[str, Any], fault: str, *, asks_hz: float = 0.0
    ) -> Floor | None:
        """Of a server that is gone, silent or cut off."""
        loss = LOSSES.get(fault)
        if loss is None:
            return None
        values = self.values(settings)
        checks = _checks(values, loss)
        why = _formula(values, loss)
        if values["observe"] == "none" or (values["observe"], loss) == ("layer4", Loss.SILENT):
            # A connection to a process that hangs stands: layer 4 sees nothing wrong with it.
            return Floor(detection=checks, action=checks, uniform=loss is not Loss.GONE, why=why)
        errors = values["error_limit"]
        by_users_s = (errors - 0.5) / asks_hz if asks_hz and errors else checks.mean_s
        seen = Span(0.0, min(checks.mean_s, max(by_users_s, 0.0)), checks.worst_s)
        why = f"{errors} failed user requests, whenever they come; at the latest {why}"
        return Floor(detection=seen, action=seen, why=why)


def down(inter_s: float, fastinter_s: float, fall: int, cost_s: float = 0.0) -> Span:
    """Until a server is down, when each failed check costs so much."""
    best_s = fall * cost_s + (fall - 1) * fastinter_s
    return uniform(best_s, best_s + inter_s)


def up(inter_s: float, fastinter_s: float, rise: int) -> Span:
    """Until a server that answers again is up; `inter_s` is downinter where it is set."""
    best_s = (rise - 1) * fastinter_s
    return uniform(best_s, best_s + inter_s)


def _checks(values: Mapping[str, Any], loss: Loss) -> Span:
    """By its own checks alone.

    A container's network goes with it: a check may be refused, or find nobody, and cost a
    connection's time-out. The worst allows for that; best and mean are of a refusal.
    """
    inter_s, fall, cost_s = values["inter"], values["fall"], _cost_s(values, loss)
    fastinter_s = _fastinter_s(values)
    if loss is not Loss.GONE:
        return down(inter_s, fastinter_s, fall, cost_s)
    refused = down(inter_s, fastinter_s, fall)
    return Span(refused.best_s, refused.mean_s, down(inter_s, fastinter_s, fall, cost_s).worst_s)


def _cost_s(values: Mapping[str, Any], loss: Loss) -> float:
    """What a check that finds nobody, or silence, costs."""
    inter_s: float = values["inter"]
    if values["timeout"] is None:
        return inter_s
    if loss is Loss.SILENT:
        return float(values["timeout"])
    connect_s = values["connect_timeout"]
    return inter_s if connect_s is None else min(inter_s, connect_s)


def _fastinter_s(values: Mapping[str, Any]) -> float:
    return float(values["inter"] if values["fastinter"] is None else values["fastinter"])


def _formula(values: Mapping[str, Any], loss: Loss) -> str:
    inter, fast = seconds(values["inter"]), seconds(_fastinter_s(values))
    cost = seconds(_cost_s(values, loss))
    each = f"refused, or {cost}" if loss is Loss.GONE else f"each {cost}"
    return f"{values['fall']} checks ({each}), the first within {inter}, then {fast} apart"


KIND = HaproxyCheck()
