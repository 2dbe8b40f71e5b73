"""Rules about users who were hit: a missing healer, a missing instance, a request not asked again."""

from typing import TypedDict

from chaoskit.healers.base import Loss
from chaoskit.model.quantities import format_duration
from chaoskit.model.verdict import Verdict
from chaoskit.reporters.advice.case import SLOW, Advice, Case

_FELT_S = 0.1  # outages below it are not worth a change


def no_restart_policy(case: Case) -> Advice | None:
    """A crash that nobody repaired, on a target without a restart policy."""
    stays = case.came_to(Verdict.NOT_HEALED) or case.unending("redundancy")
    if not (stays and case.lost(Loss.GONE)) or case.healer("docker-restart"):
        return None
    name = case.service or "SERVICE"
    return Advice(
        rule="no-restart-policy",
        title=f"Let the engine restart {name} when it crashes",
        why="it stayed down after a crash, and the target declares no restart policy",
        lines=f"services:\n  {name}:\n    restart: unless-stopped",
        where="compose.yaml",
        **_gain(case),
    )


def hang_is_no_crash(case: Case) -> Advice | None:
    """A hang that nobody repaired: a restart policy acts on ends of processes only."""
    stays = case.came_to(Verdict.NOT_HEALED) or case.unending("redundancy")
    if not (stays and case.faults & {"hang", "pause"}) or case.healer("autoheal"):
        return None
    name = case.service or "SERVICE"
    return Advice(
        rule="hang-is-no-crash",
        title=f"Give {name} a health check, and somebody who acts on it",
        why=(
            "the engine marks a container that hangs as unhealthy at best and never restarts it; a "
            "helper beside it, or an orchestrator's liveness probe, does"
        ),
        lines=(
            f'services:\n  {name}:\n    labels: {{autoheal: "true"}}\n    healthcheck:\n'
            '      test: [CMD, wget, -qO-, "http://127.0.0.1:8080/"]  # its own port and path\n'
            "      interval: 1s\n      timeout: 500ms\n      retries: 2\n  autoheal:\n"
            "    image: willfarrell/autoheal:1.2.0\n    restart: always\n"
            "    environment: {AUTOHEAL_INTERVAL: 1, AUTOHEAL_DEFAULT_STOP_TIMEOUT: 1}\n"
            '    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]'
        ),
        where="compose.yaml",
        **_gain(case),
    )


class _Gain(TypedDict):
    gain_s: float
    gain: str


def _gain(case: Case) -> _Gain:
    """An outage that ends; where users felt nothing, strength that comes back is worth a tenth."""
    if case.outage_s >= _FELT_S:
        return {"gain_s": case.outage_s, "gain": ""}
    return {"gain_s": case.seconds("redundancy") / 10, "gain": "brings full strength back"}


def ask_another_instance(case: Case) -> Advice | None:
    """Users were hit although another instance was there."""
    if not case.spare or case.outage_s < _FELT_S or case.faults & SLOW:
        return None
    kind, lines, where = _retry(case)
    return Advice(
        rule="ask-another-instance",
        title="Ask another instance when one does not answer",
        why=(
            f"{case.instances} instances of {case.service} were there, and "
            f"users still went without for {format_duration(case.outage_s)}: a failed request can be "
            f"sent again by {kind}, when doing it twice does no harm"
        ),
        lines=lines,
        where=where,
        gain_s=case.outage_s,
    )


def _retry(case: Case) -> tuple[str, str, str]:
    if case.healer("haproxy-check"):
        lines = (
            "backend web\n    retries 2\n    option redispatch 1\n"
            "    retry-on conn-failure empty-response response-timeout 503"
        )
        return "HAProxy", lines, "haproxy.cfg"
    if case.healer("envoy-outlier"):
        lines = (
            "retry_policy:\n  retry_on: connect-failure,refused-stream,reset,gateway-error\n"
            "  num_retries: 2\n  per_try_timeout: 0.25s\n"
            "  retry_host_predicate:\n  - name: envoy.retry_host_predicates.previous_hosts"
        )
        return "Envoy", lines, "envoy.yaml, on the route"
    lines = "proxy_next_upstream error timeout http_502 http_503;\nproxy_next_upstream_tries 2;"
    return "the proxy (for nginx)", lines, "nginx.conf"


def second_instance(case: Case) -> Advice | None:
    """The only instance was gone, and users went without until it was back."""
    if not case.service or case.instances > 1 or case.outage_s < _FELT_S:
        return None
    if not case.lost(Loss.GONE, Loss.SILENT, Loss.UNREACHABLE):
        return None
    return Advice(
        rule="second-instance",
        title=f"Run a second instance of {case.service}",
        why=(
            f"it is the only one, so users go without for {format_duration(case.outage_s)} each "
            "time; behind a health check a second one takes over (what holds state needs "
            "replication first)"
        ),
        lines=f"services:\n  {case.service}:\n    deploy: {{replicas: 2}}",
        where="compose.yaml",
        gain_s=case.outage_s,
    )


def shorter_timeouts(case: Case) -> Advice | None:
    """Something was slow, and callers waited as long as it was."""
    missed = {c.budget.measure for t in case.trials for c in t.checks if c.kept is False}
    waits = {one for one in missed if one.startswith("latency")}
    if not case.faults & SLOW or not (waits or case.came_to(Verdict.NOT_HEALED)):
        return None
    name = case.service or "the slow service"
    return Advice(
        rule="shorter-timeouts",
        title=f"Wait less for {name}, and answer without it",
        why=(
            f"while {name} was slow its callers were as slow; a time-out below users' patience "
            f"({format_duration(case.record.timeout_s)} here) and a fallback keep the rest alive"
        ),
        lines=(
            "timeout connect 200ms\ntimeout server 400ms"
            if case.healer("haproxy-check")
            else f"# in every caller of {name}:\nconnect timeout  200ms\nrequest timeout  "
            f"{format_duration(case.record.timeout_s / 2)}\nfallback         last known answer"
        ),
        where="haproxy.cfg" if case.healer("haproxy-check") else "the callers' configuration",
        gain_s=case.outage_s or case.seconds("latency_p99"),
    )


RULES = (
    no_restart_policy,
    hang_is_no_crash,
    ask_another_instance,
    second_instance,
    shorter_timeouts,
)
