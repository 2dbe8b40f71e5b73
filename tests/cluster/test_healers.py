"""What autoscalers, rollbacks and the node lifecycle do, seen by the run's own watches."""

import pytest

from chaoskit.errors import EnvironmentUnfit, FaultRefused
from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer
from chaoskit.run.clock import wait_until
from chaoskit.target.kubernetes.paths import apps, pods, scalers
from tests.cluster.arena import ClusterArena

HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 3,
        "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
            "type": "Utilization", "averageUtilization": 50}}}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
    },
}  # fmt: skip
HEALERS = (
    Healer(name="hpa", kind="kubernetes-hpa", engine=True),
    Healer(name="undo", kind="kubernetes-rollback", engine=True),
    Healer(name="readiness", kind="kubernetes-probe", engine=True, settings={"probe": "readiness"}),
)


@pytest.fixture(scope="module")
def arena(somewhere, tmp_path_factory):
    with ClusterArena(somewhere, tmp_path_factory.mktemp("arena"), HEALERS) as one:
        yield one


@pytest.fixture
def whole(arena):
    """At full strength, and nothing heard yet."""
    assert arena.regains()
    arena.observers.announce()
    arena.marks.clear()
    yield arena
    arena.injector.lift_all()
    assert arena.regains()


@pytest.fixture
def scaler(whole, fake):
    """An autoscaler of web, with nothing to do."""
    load = fake.controllers.autoscaler.load
    load[whole.namespace, "web"] = 150
    path = scalers(whole.namespace)
    whole.api.create(path, HPA)
    assert wait_until(lambda: status(whole).get("desiredReplicas") == 3, timeout_s=30)
    yield load
    whole.api.delete(f"{path}/web")
    whole.api.patch(deployment(whole), {"spec": {"replicas": 3}})
    load.clear()


def deployment(arena):
    return apps("deployments", arena.namespace, "web")


def status(arena):
    return arena.api.get(f"{scalers(arena.namespace)}/web").get("status") or {}


def acts(arena, healer):
    kinds = {MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED}
    found = [one for one in list(arena.marks) if one.source == healer and one.kind in kinds]
    return [one.kind for one in sorted(found, key=lambda one: one.at_ns)]


def told(arena):
    return [one.detail for one in list(arena.marks) if one.kind is MarkKind.ENGINE]


def test_a_load_is_met_by_the_autoscaler_and_that_is_seen(whole, scaler):
    scaler[whole.namespace, "web"] = 240

    assert wait_until(lambda: MarkKind.RESTORED in acts(whole, "hpa"), timeout_s=60)
    assert acts(whole, "hpa")[:3] == [MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED]
    assert whole.api.get(deployment(whole))["spec"]["replicas"] == 5
    assert "3 replicas wanted, now 5" in told(whole)


def test_replicas_that_were_taken_away_are_made_up_for_by_the_autoscaler(
    whole, scaler, fake, monkeypatch
):
    monkeypatch.setattr(fake.controllers.autoscaler, "period_s", 4)  # pods need a while to end
    whole.inject("workload_scale", service="web", to=2)

    assert wait_until(lambda: MarkKind.RESTORED in acts(whole, "hpa"), timeout_s=60)
    assert acts(whole, "hpa") == [MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED]


def test_a_workload_at_zero_switches_the_autoscaler_off_and_the_lift_is_not_its_doing(
    whole, scaler
):
    done = whole.inject("workload_scale", service="web", to=0)
    hindered = "ScalingActive is false: ScalingDisabled"
    assert wait_until(lambda: hindered in told(whole), timeout_s=30)
    whole.injector.lift(done.fault_id)
    assert wait_until(lambda: "it can scale again" in told(whole), timeout_s=30)
    assert whole.regains()

    assert acts(whole, "hpa") == []


def test_what_a_person_scales_is_nobodys_healing(whole, scaler):
    whole.api.patch(deployment(whole), {"spec": {"replicas": 4}})
    assert wait_until(lambda: "3 replicas wanted, now 4" in told(whole), timeout_s=30)

    assert acts(whole, "hpa") == []


def stuck(arena):
    """A bad version, whose rollout is given up after a second or two."""
    arena.api.patch(deployment(arena), {"spec": {"progressDeadlineSeconds": 1}})
    return arena.inject("bad_rollout", service="web", how="image")


def test_a_rollout_that_is_stuck_is_seen_and_its_lift_is_not_the_healers_doing(whole):
    done = stuck(whole)

    assert wait_until(lambda: acts(whole, "undo") == [MarkKind.DETECTED], timeout_s=30)
    assert "the rollout is stuck: ProgressDeadlineExceeded" in told(whole)
    whole.injector.lift(done.fault_id)
    back = "the pod template of an earlier revision"
    assert wait_until(lambda: back in told(whole), timeout_s=30)
    assert whole.regains()
    assert acts(whole, "undo") == [MarkKind.DETECTED]


def test_whoever_takes_a_rollout_back_is_seen_to_act(whole):
    good = whole.api.get(deployment(whole))["spec"]["template"]["spec"]["containers"]
    stuck(whole)
    assert wait_until(lambda: MarkKind.DETECTED in acts(whole, "undo"), timeout_s=30)
    # What `kubectl rollout undo` does: the pod template of the revision before.
    undo = {"metadata": {"annotations": {"chaoskit.dev/bad-rollout": None}}}
    whole.api.patch(
        deployment(whole), {"spec": {"template": {**undo, "spec": {"containers": good}}}}
    )

    assert wait_until(lambda: MarkKind.RESTORED in acts(whole, "undo"), timeout_s=60)
    assert acts(whole, "undo") == [MarkKind.DETECTED, MarkKind.ACTED, MarkKind.RESTORED]


def test_another_new_version_is_no_rollback(whole):
    annotations = {"metadata": {"annotations": {"version": "next"}}}
    whole.api.patch(deployment(whole), {"spec": {"template": annotations}})
    assert wait_until(lambda: "another pod template" in told(whole), timeout_s=30)
    assert whole.regains()

    assert acts(whole, "undo") == []


def test_an_unready_pod_of_the_old_version_proves_no_bad_rollout(whole, fake, monkeypatch):
    whole.inject("container_hang", service="web")
    assert wait_until(lambda: not all(one.up for one in whole.stack.pods()), timeout_s=30)
    monkeypatch.setattr("chaoskit.target.kubernetes.hand.Deadline", lambda _s: _Passed())
    fake.controllers.idle = True  # nobody makes a pod of the new version
    try:
        with pytest.raises(FaultRefused, match="0 of 0 pods of the new version"):
            whole.inject("bad_rollout", service="web", how="readiness")
    finally:
        fake.controllers.idle = False


class _Passed:
    passed = True


def test_a_lost_node_is_noticed_before_its_pods_are_given_up(whole, fake):
    soon = [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute",
             "tolerationSeconds": 1}]  # fmt: skip
    whole.api.patch(deployment(whole), {"spec": {"template": {"spec": {"tolerations": soon}}}})
    assert wait_until(lambda: rolled(whole), timeout_s=60)
    whole.observers.announce()
    whole.marks.clear()
    before = {one.uid for one in whole.stack.pods()}
    whole.inject("node_unreachable", service="web", seconds=8)

    assert wait_until(lambda: MarkKind.ACTED in acts(whole, "replicaset"), timeout_s=30)
    assert acts(whole, "replicaset")[0] is MarkKind.DETECTED
    assert acts(whole, "readiness") == []  # its pods are unready, and no probe has failed
    assert "the node's Ready is Unknown" in told(whole)
    assert {one.uid for one in whole.stack.pods()} - before


def rolled(arena):
    """Every pod is of the new template, and ready."""
    items, _ = arena.api.items(pods(arena.namespace), "app=web")
    return len(items) == 3 and all("tolerations" in one["spec"] for one in items) and (
        not arena.stack.missing()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("denied", "words"),
    [
        (("watch", "deployments"), "may not watch deployments.apps"),
        (("list", "replicasets"), "may not list replicasets.apps"),
        (("watch", "horizontalpodautoscalers"), "may not watch horizontalpodautoscalers.auto"),
    ],
)
def test_who_may_not_see_a_healer_cannot_bear_witness_for_it(arena, fake, denied, words):
    fake.api.denied.add(denied)
    with pytest.raises(EnvironmentUnfit, match=words):
        arena.refuse_unfit(kinds=[])


def test_nobody_needs_a_right_for_a_healer_that_is_not_there(somewhere, fake, tmp_path):
    fake.api.denied |= {("watch", "deployments"), ("watch", "nodes"), ("list", "replicasets")}
    with ClusterArena(somewhere, tmp_path) as one:
        one.refuse_unfit(kinds=[])
        notes = [mark.detail for mark in one.marks if mark.kind is MarkKind.NOTE]

        assert "nodes are not watched: our account may not list and watch them" in notes
