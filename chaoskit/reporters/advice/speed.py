"""Rules about healers that are slower than they need to be, with the settings that decide it."""

from collections.abc import Callable, Mapping
from typing import Any

from chaoskit.model.journal import FloorRecord, HealerRecord
from chaoskit.model.quantities import format_duration, parse_duration
from chaoskit.reporters.advice.case import Advice, Case

_WORTH_S = 0.3  # gains below it are not worth a change
_SLOW = 0.6  # the efficiency below which a healer is not what its settings promise


def look_more_often(case: Case) -> Advice | None:
    """A healer whose own timers are most of the time until it notices."""
    judgement = case.record.judgement
    floors = [one for one in judgement.floors if one.step == "detection"] if judgement else []
    for floor in sorted(floors, key=lambda one: -one.mean_s):
        healer = next((one for one in case.record.healers if one.name == floor.healer), None)
        gain_s = floor.mean_s / 2
        if healer is None or gain_s < _WORTH_S or healer.kind not in _LINES:
            continue
        lines, where = _LINES[healer.kind](healer.settings)
        return Advice(
            rule="look-more-often",
            title=f"Let {healer.name} look twice as often",
            why=(
                f"its settings alone cost {format_duration(floor.mean_s)} on average before it "
                f"notices ({floor.why}); halving the interval halves that"
            ),
            lines=lines,
            where=where,
            gain_s=gain_s,
        )
    return None


def slower_than_its_settings(case: Case) -> Advice | None:
    """A healer that takes much longer than its timers: the work between them is slow."""
    judgement = case.record.judgement
    slow = [one for one in (judgement.floors if judgement else ()) if _is_slow(one)]
    if not slow:
        return None
    worst = max(slow, key=lambda one: (one.measured_s or 0.0) - one.mean_s)
    healer = next((one for one in case.record.healers if one.name == worst.healer), None)
    gain_s = (worst.measured_s or 0.0) - worst.mean_s
    kind = healer.kind if healer else ""
    name = case.service or "SERVICE"
    starts = kind in {"docker-restart", "autoheal", "supervisor"} and worst.step == "action"
    lines = (
        f"services:\n  {name}:\n    init: true          # signals reach it, zombies are reaped\n"
        "    stop_grace_period: 1s\n    healthcheck: {start_period: 5s, start_interval: 200ms}"
    )
    return Advice(
        rule="slower-than-its-settings",
        title=f"Make {name} start faster" if starts else f"Find out why {worst.healer} is slow",
        why=(
            f"{worst.healer} needed {format_duration(worst.measured_s or 0.0)} for its {worst.step}, "
            f"and its settings allow {format_duration(worst.mean_s)} ({worst.why}); "
            + ("the rest is the container's own start" if starts else "the rest is work, or load")
        ),
        lines=lines if starts else "",
        where="compose.yaml" if starts else "",
        gain_s=gain_s,
    )


def _is_slow(floor: FloorRecord) -> bool:
    if floor.efficiency is None or floor.measured_s is None:
        return False
    return floor.efficiency < _SLOW and floor.measured_s - floor.mean_s > _WORTH_S


Lines = tuple[str, str]  # what to write, and where


def _half(settings: Mapping[str, Any], name: str, default: str) -> str:
    written = settings.get(name, default)
    try:
        seconds = parse_duration(str(written)) if not isinstance(written, (int, float)) else written
    except ValueError:
        seconds = parse_duration(default)
    return format_duration(seconds / 2).replace(" ", "")


def _haproxy(settings: Mapping[str, Any]) -> Lines:
    inter = _half(settings, "inter", "2s")
    fall, rise = settings.get("fall", 3), settings.get("rise", 2)
    line = f"default-server check inter {inter} fall {fall} rise {rise}"
    return f"{line} observe layer4 error-limit 1 on-error mark-down", "haproxy.cfg, in the backend"


def _health(settings: Mapping[str, Any]) -> Lines:
    interval = _half(settings, "health_interval", settings.get("interval", "30s"))
    timeout = _half(settings, "health_timeout", settings.get("timeout", "30s"))
    lines = f"healthcheck:\n  interval: {interval}\n  timeout: {timeout}\n  retries: 2"
    return lines, "compose.yaml, on the service"


def _autoheal(settings: Mapping[str, Any]) -> Lines:
    interval = _half(settings, "interval", "5s")
    stop = _half(settings, "stop_timeout", "10s")
    lines = f"AUTOHEAL_INTERVAL={interval}\nAUTOHEAL_DEFAULT_STOP_TIMEOUT={stop}"
    return lines, "compose.yaml, environment of the helper"


def _sentinel(settings: Mapping[str, Any]) -> Lines:
    after = _half(settings, "down_after", "30s")
    return f"sentinel down-after-milliseconds NAME {_ms(after)}", "sentinel.conf, on every Sentinel"


def _patroni(settings: Mapping[str, Any]) -> Lines:
    ttl, wait = _half(settings, "ttl", "30s"), _half(settings, "loop_wait", "10s")
    return (
        f"ttl: {_s(ttl)}\nloop_wait: {_s(wait)}\nretry_timeout: {_s(wait)}",
        "patronictl edit-config",
    )


def _prometheus(settings: Mapping[str, Any]) -> Lines:
    scrape = _half(settings, "scrape_interval", "1m")
    evaluation = _half(settings, "evaluation_interval", "1m")
    wait = _half(settings, "group_wait", "30s")
    lines = (
        f"global:\n  scrape_interval: {scrape}\n  evaluation_interval: {evaluation}\n"
        f"# and in alertmanager.yml:\nroute:\n  group_wait: {wait}"
    )
    return lines, "prometheus.yml"


def _envoy(settings: Mapping[str, Any]) -> Lines:
    errors = max(int(settings.get("consecutive_5xx", 5)) // 2, 1)
    return f"outlier_detection:\n  consecutive_5xx: {errors}", "envoy.yaml, on the cluster"


def _kubernetes(settings: Mapping[str, Any]) -> Lines:
    period = _half(settings, "period", "10s")
    return (
        f"livenessProbe:\n  periodSeconds: {_s(period)}\n  failureThreshold: 2",
        "the pod's template",
    )


def _ms(duration: str) -> int:
    return round(1000 * parse_duration(duration))


def _s(duration: str) -> int:
    return max(round(parse_duration(duration)), 1)


_LINES: Mapping[str, Callable[[Mapping[str, Any]], Lines]] = {
    "haproxy-check": _haproxy,
    "docker-health": _health,
    "autoheal": _autoheal,
    "redis-sentinel": _sentinel,
    "patroni": _patroni,
    "prometheus-alert": _prometheus,
    "envoy-outlier": _envoy,
    "kubernetes-probe": _kubernetes,
}

RULES = (look_more_often, slower_than_its_settings)


def lines_for(healer: HealerRecord) -> Lines | None:
    """What makes this healer look twice as often; None for a kind without timers of its own."""
    made = _LINES.get(healer.kind)
    return made(healer.settings) if made else None
