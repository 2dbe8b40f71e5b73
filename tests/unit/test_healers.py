"""The shelf of healers: published vectors of every floor, and what each kind says about a fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.faults.base import catalogue as faults
from chaoskit.healers import (
    docker_restart,
    envoy_outlier,
    haproxy_check,
    kubernetes_replicaset,
    patroni,
)
from chaoskit.healers.base import LOSSES, Of, Setting, catalogue
from chaoskit.healers.floors import Span, exactly, lease, polled, uniform

KINDS = {
    "autoheal",
    "autoscaler",
    "deploy-rollback",
    "docker-health",
    "docker-restart",
    "envoy-outlier",
    "haproxy-check",
    "kubernetes-hpa",
    "kubernetes-pdb",
    "kubernetes-probe",
    "kubernetes-replicaset",
    "kubernetes-rollback",
    "other",
    "patroni",
    "prometheus-alert",
    "redis-sentinel",
    "supervisor",
}


def close(span: Span, best_s: float, mean_s: float, worst_s: float) -> bool:
    return (span.best_s, span.mean_s, span.worst_s) == pytest.approx((best_s, mean_s, worst_s))


def detection(kind: str, settings: dict, fault: str, **more: float) -> Span:
    floor = catalogue()[kind].floor(settings, fault, **more)
    assert floor is not None
    return floor.detection


def action(kind: str, settings: dict, fault: str) -> Span:
    floor = catalogue()[kind].floor(settings, fault)
    assert floor is not None
    assert floor.action is not None
    return floor.action


def test_the_shelf_is_complete_and_light():
    code = (
        "import sys; from chaoskit.healers.base import catalogue; catalogue(); "
        "assert not {'numpy', 'scipy', 'docker'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

    assert set(catalogue()) == KINDS


@pytest.mark.parametrize("kind", catalogue().values(), ids=lambda one: one.name)
def test_every_kind_is_on_the_page_of_targets_with_its_settings(kind):
    page = (Path(__file__).parents[2] / "docs" / "target-file.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind.name}` | ")]

    assert kind.about in row
    assert kind.rearm in row
    for one in kind.settings:
        assert f"`{one.name}`" + (f" ({one.default})" if one.default is not None else "") in row


@pytest.mark.parametrize("kind", catalogue().values(), ids=lambda one: one.name)
def test_every_kind_speaks_for_itself(kind):
    assert kind.about
    assert kind.title
    assert kind.rearm
    assert kind.witness
    assert all(one.read(one.default) is not None for one in kind.settings if one.default)
    for fault in LOSSES:
        floor = kind.floor({}, fault)
        assert floor is None or floor.why


def test_every_loss_is_a_fault_on_its_shelf():
    assert set(LOSSES) <= set(faults())


@pytest.mark.parametrize("kind", catalogue().values(), ids=lambda one: one.name)
@pytest.mark.parametrize("fault", ["stop", "latency", "no-such-fault"])
def test_nothing_is_promised_about_a_fault_that_is_not_understood(kind, fault):
    assert kind.floor({}, fault) is None


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param(polled(10, 3, 1), (21, 26, 31), id="kubelet's defaults"),
        pytest.param(polled(2, 1, 1), (1, 2, 3), id="a tuned kubelet"),
        pytest.param(polled(2, 3), (4, 5, 6), id="nothing to wait for"),
        pytest.param(lease(30, 10), (20, 25, 30), id="lease 30/10"),
        pytest.param(lease(20, 5), (15, 17.5, 20), id="lease 20/5"),
        pytest.param(lease(20, 2), (18, 19, 20), id="lease 20/2"),
        pytest.param(uniform(1, 2) + exactly(3), (4, 4.5, 5), id="one after the other"),
    ],
)
def test_the_arithmetic_of_timers(span, expected):
    assert close(span, *expected)


def test_a_span_in_disorder_is_refused():
    with pytest.raises(ValueError, match="best <= mean"):
        Span(2, 1, 3)


# haproxy: a refused connection costs nothing, silence its time-out, and the interval counts from
# the end of a check.
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param((2, 2, 3), (4, 5, 6), id="defaults"),
        pytest.param((1, 1, 2), (1, 1.5, 2), id="inter 1 s, fall 2"),
        pytest.param((2, 0.5, 3), (1, 2, 3), id="fastinter 0.5 s"),
    ],
)
def test_haproxy_by_refusals(settings, expected):
    assert close(haproxy_check.down(*settings), *expected)


def test_haproxy_counts_a_crash_from_a_refusal_to_nobody_there():
    found = detection("haproxy-check", {"inter": "2s", "fall": 3, "rise": 2}, "crash")

    assert close(found, 4, 5, 6 + 3 * 2)  # refused thrice at best, a time-out each at worst


def test_haproxy_counts_a_hang_by_its_time_outs():
    settings = {"inter": "200ms", "fastinter": "100ms", "fall": 2, "rise": 1, "timeout": "200ms"}
    floor = catalogue()["haproxy-check"].floor(settings, "hang")
    assert floor is not None

    assert close(floor.detection, 0.5, 0.6, 0.7)
    assert floor.uniform
    assert close(detection("haproxy-check", {"inter": 2}, "hang"), 10, 11, 12)


def test_haproxy_takes_a_server_back():
    assert close(haproxy_check.up(2, 2, 2), 2, 3, 4)


@pytest.mark.parametrize(
    ("fault", "observe", "best_s", "same"),
    [
        pytest.param("crash", "none", 0.1, True, id="checks alone"),
        pytest.param("crash", "layer4", 0.0, False, id="users' connections fail at once"),
        pytest.param("partition", "layer4", 0.0, False, id="and so they do when cut off"),
        pytest.param("hang", "layer4", 0.5, True, id="a hung process still accepts connections"),
        pytest.param("hang", "layer7", 0.0, False, id="but does not answer"),
    ],
)
def test_haproxy_that_watches_its_users_may_notice_at_once(fault, observe, best_s, same):
    settings = {"inter": 0.2, "fastinter": 0.1, "fall": 2, "rise": 1, "timeout": 0.2}
    alone = detection("haproxy-check", settings, fault)
    both = {**settings, "observe": observe, "error_limit": 1}
    floor = catalogue()["haproxy-check"].floor(both, fault, asks_hz=20)
    assert floor is not None

    assert floor.detection.best_s == pytest.approx(best_s)
    assert floor.detection.worst_s == pytest.approx(alone.worst_s)
    assert (floor.detection == alone) is same
    assert same or not floor.uniform


def test_the_engines_back_off_doubles_up_to_a_minute():
    waits = [docker_restart.backoff_s(k) for k in range(1, 13)]

    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60])
    assert sum(waits[:10]) == pytest.approx(102.3)
    assert docker_restart.backoff_s(10_000_000) == 60


def test_the_engine_restarts_what_crashed_and_nothing_else():
    assert action("docker-restart", {}, "crash").best_s == pytest.approx(0.1)
    for fault in ("hang", "pause", "partition", "disconnect", "stop"):
        assert catalogue()["docker-restart"].floor({}, fault) is None


def test_the_engines_health_check_notices_and_never_acts():
    kind = catalogue()["docker-health"]
    floor = kind.floor({}, "hang")
    assert floor is not None

    assert not kind.acts_alone
    assert close(floor.detection, 150, 165, 180)
    assert floor.action is None
    assert kind.floor({}, "crash") is None


def test_autoheal_adds_its_own_look_and_the_stop():
    settings = {"health_interval": "1s", "health_timeout": "1s", "health_retries": 3}

    assert close(detection("autoheal", settings, "hang"), 5, 8, 11)
    assert close(action("autoheal", settings, "hang"), 5, 18, 21)


@pytest.mark.parametrize(
    ("fault", "noticed", "acted"),
    [
        pytest.param("crash", (5, 5.1, 5.2), (5.1, 6, 8), id="crash"),
        pytest.param("hang", (5, 5.5, 6.1), (5.1, 6.5, 8), id="hang"),
    ],
)
def test_sentinel_at_down_after_5_s(fault, noticed, acted):
    assert close(detection("redis-sentinel", {"down_after": "5s"}, fault), *noticed)
    assert close(action("redis-sentinel", {"down_after": "5s"}, fault), *acted)


@pytest.mark.parametrize(
    ("ttl", "loop", "best", "mean", "worst"),
    [(30, 10, 21, 33.5, 46), (20, 5, 16, 23.5, 31), (20, 2, 19, 23.5, 28)],
)
def test_patroni_behind_a_proxy_is_pigstys_model(ttl, loop, best, mean, worst):
    acted = action("patroni", {"ttl": ttl, "loop_wait": loop}, "crash")

    assert close(acted + patroni.routed(3, 1, 2), best, mean, worst)
    assert detection("patroni", {"ttl": ttl, "loop_wait": loop}, "hang") == lease(ttl, loop)


def test_envoy_is_as_quick_as_its_traffic_and_lets_back_in_by_sweeps():
    found = detection("envoy-outlier", {}, "crash", asks_hz=10)

    assert found.best_s == 0
    assert found.mean_s == pytest.approx(0.5)
    assert catalogue()["envoy-outlier"].floor({}, "crash") is None  # nobody knows the traffic
    assert close(envoy_outlier.back_in(1), 30, 35, 40)
    assert [envoy_outlier.out_s(n) for n in (1, 2, 10, 11)] == [30, 60, 300, 300]


@pytest.mark.parametrize("for_s", [0, 60, 90])
def test_an_alert_waits_for_scrape_evaluation_for_and_group(for_s):
    rounded = {0: 0, 60: 60, 90: 120}[for_s]

    assert close(
        action("prometheus-alert", {"for": for_s}, "crash"),
        rounded + 30,
        60 + rounded + 30,
        120 + rounded + 30,
    )


def test_the_kubelets_probe_by_its_defaults():
    assert close(detection("kubernetes-probe", {}, "hang"), 21, 26, 31)
    assert action("kubernetes-probe", {}, "hang").worst_s == 61
    assert close(action("kubernetes-probe", {"probe": "readiness"}, "hang"), 21, 26, 31)


def test_the_kubelets_back_off_and_the_loss_of_a_node():
    waits = [kubernetes_replicaset.backoff_s(k) for k in range(1, 9)]

    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]
    assert kubernetes_replicaset.node_lost_s() == 340
    assert close(detection("kubernetes-replicaset", {}, "crash"), 0, 0.5, 1)


def test_a_deployments_deadline_counts_in_whole_seconds_and_somebody_else_must_act():
    assert close(detection("kubernetes-rollback", {}, "bad_rollout"), 599, 600, 601)
    settings = {"progress_deadline": "10s", "interval": "4s"}
    assert close(detection("kubernetes-rollback", settings, "bad_rollout"), 9, 10, 11)
    assert close(action("kubernetes-rollback", settings, "bad_rollout"), 9, 12, 15)
    assert detection("kubernetes-rollback", {"progress_deadline": 0}, "bad_rollout").best_s == 0
    assert catalogue()["kubernetes-rollback"].floor({}, "workload_scale") is None
    assert not catalogue()["kubernetes-rollback"].acts_alone


def test_an_hpa_makes_up_for_replicas_at_its_next_look_and_leaves_lost_pods_to_others():
    assert close(detection("kubernetes-hpa", {}, "workload_scale"), 0, 7.5, 15)
    settings = {"sync_period": "2s", "least": 3, "most": 6}
    assert close(action("kubernetes-hpa", settings, "workload_scale"), 0, 1, 2)
    assert catalogue()["kubernetes-hpa"].floor({}, "pod_delete") is None
    assert catalogue()["kubernetes-hpa"].floor({}, "crash") is None


def test_a_disruption_budget_repairs_nothing_and_promises_no_time():
    assert not catalogue()["kubernetes-pdb"].acts_alone
    assert catalogue()["kubernetes-pdb"].floor({}, "pod_evict") is None


def test_an_hpas_bounds_may_not_contradict_each_other():
    with pytest.raises(ValueError, match=r"least \(5\) is more than most \(2\)"):
        catalogue()["kubernetes-hpa"].floor({"least": 5, "most": 2}, "crash")


def test_a_supervisors_watchdog():
    assert close(detection("supervisor", {"watchdog_sec": "10s"}, "hang"), 5, 7.5, 10)
    assert catalogue()["supervisor"].floor({}, "hang") is None
    assert action("supervisor", {}, "crash").best_s == pytest.approx(0.1)
    assert action("supervisor", {}, "kill_process") == action("supervisor", {}, "crash")


def test_an_autoscaler_misses_an_instance_at_its_next_look():
    assert close(detection("autoscaler", {"interval": "500ms"}, "scale_down"), 0, 0.25, 0.5)
    assert catalogue()["autoscaler"].floor({}, "crash") is None, "the engine may be quicker"


def test_a_failed_deployment():
    assert close(detection("deploy-rollback", {}, "bad-deploy"), 0, 2.5, 6)


@pytest.mark.parametrize(
    ("of", "written", "value"),
    [
        (Of.DURATION, "200ms", 0.2),
        (Of.DURATION, 10, 10.0),
        (Of.COUNT, 3, 3),
        (Of.FLAG, False, False),
        (Of.WORDS, ["a", "b"], ["a", "b"]),
        (Of.WORDS, "a", "a"),
    ],
)
def test_settings_are_read_in_their_units(of, written, value):
    assert Setting("x", "", of).read(written) == value


@pytest.mark.parametrize(
    ("of", "written"),
    [
        (Of.DURATION, "soon"),
        (Of.DURATION, True),
        (Of.DURATION, -1),
        (Of.COUNT, 0),
        (Of.COUNT, 1.5),
        (Of.COUNT, True),
        (Of.FLAG, "yes"),
        (Of.WORD, 3),
        (Of.WORDS, [1]),
    ],
)
def test_settings_of_another_kind_are_refused(of, written):
    with pytest.raises(ValueError, match="is not "):
        Setting("x", "", of, least=1).read(written)
