"""Every fault of a cluster: in effect on what really happens, proven gone, and refused with a reason."""

import time

import pytest

from chaoskit.errors import FaultRefused, LiftFailed
from chaoskit.faults.base import catalogue
from chaoskit.model.faults import Nature
from chaoskit.model.marks import MarkKind
from chaoskit.model.target import Healer
from chaoskit.run.clock import wait_until
from chaoskit.run.recover import recover
from chaoskit.target.asking import Asker
from chaoskit.target.kubernetes.lease import leases_in
from chaoskit.target.kubernetes.paths import apps, core, node, pods
from tests.cluster.arena import ClusterArena

HELD = [name for name, one in catalogue().items() if one.in_cluster and one.nature is Nature.HELD]
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}},
}
HEALERS = (Healer(name="budget", kind="kubernetes-pdb", engine=True),)
BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"
ARGUMENTS = {
    "network_policy": {"port": 8080},
    "config_removed": {"config": "web-app"},
    "node_unreachable": {"seconds": 6},
    "node_drain": {"force": True},
    "chaos_mesh": {"chaos": "NetworkChaos", "spec": {"action": "delay"}},
}


@pytest.fixture(scope="module")
def arena(somewhere, tmp_path_factory):
    with ClusterArena(somewhere, tmp_path_factory.mktemp("arena"), HEALERS) as one:
        yield one


@pytest.fixture
def whole(arena):
    """The arena at full strength, before and after."""
    assert arena.regains()
    yield arena
    arena.injector.lift_all()
    assert arena.regains()


def held(arena, name, **arguments):
    return arena.inject(name, **{"service": "web", **ARGUMENTS.get(name, {}), **arguments})


def lifted(arena, done):
    """The marks of the end of a fault."""
    marks = (one for one in arena.marks if one.source == done.fault_id)
    return [one for one in marks if one.kind is MarkKind.LIFTED]


def leases(arena):
    return leases_in(arena.api, arena.namespace, "chaoskit.run")


def serves(arena):
    answer = Asker(arena.stack.entrypoints["web_url"], timeout_s=1).ask()
    return answer is not None and answer.ok


@pytest.mark.parametrize(
    "name", [one for one in HELD if one not in {"chaos_mesh", "node_unreachable"}]
)
def test_a_held_fault_bites_has_a_lease_and_is_lifted_without_a_trace(whole, cluster, name):
    before = {(one["kind"], one["metadata"]["name"]) for one in everything(whole)}
    done = held(whole, name)
    on, evidence = whole.injector.check(done.fault_id)
    (lease,) = leases(whole)

    assert on, evidence
    assert not lease.expired
    assert lease.run == whole.run_id
    assert lease.operation.kind in catalogue()[name].needs
    whole.injector.lift(done.fault_id)
    assert leases(whole) == ()
    assert whole.regains()
    after = {(one["kind"], one["metadata"]["name"]) for one in everything(whole)}
    assert after == before


def everything(arena):
    """What a fault could leave behind: policies, quotas, configuration, leases."""
    found = []
    for path in (core("configmaps", arena.namespace), core("secrets", arena.namespace),
                 core("resourcequotas", arena.namespace),
                 f"/apis/networking.k8s.io/v1/namespaces/{arena.namespace}/networkpolicies",
                 apps("deployments", arena.namespace)):  # fmt: skip
        items, _ = arena.api.items(path)
        found += [{"kind": path, **one} for one in items]
    return found


def test_a_hang_is_found_by_the_liveness_probe_and_the_lift_finds_another_container(whole):
    whole.marks.clear()
    done = held(whole, "container_hang")

    assert "processes are stopped" in done.evidence[0]
    assert wait_until(lambda: any(one.restarts for one in whole.stack.pods()), timeout_s=60)
    (gone,) = whole.injector.lift(done.fault_id)
    assert "another container runs in its place" in gone.evidence
    assert [one.data["lapsed"] for one in lifted(whole, done)] == [False]


def test_scaled_to_zero_nobody_answers_and_lifted_everybody_does(whole):
    done = held(whole, "workload_scale", to=0)

    assert wait_until(lambda: not serves(whole), timeout_s=20)
    whole.injector.lift(done.fault_id)
    assert wait_until(lambda: serves(whole), timeout_s=60)


def test_a_number_that_is_not_smaller_is_refused(whole):
    with pytest.raises(FaultRefused, match="has 3 replicas, so 3 are not fewer"):
        held(whole, "workload_scale", to=3)


def test_who_scales_up_again_meanwhile_has_healed_it(whole):
    done = held(whole, "workload_scale", to=1)
    path = apps("deployments", whole.namespace, "web")
    whole.api.patch(path, {"spec": {"replicas": 2}})
    whole.injector.lift(done.fault_id)

    assert whole.api.get(path)["spec"]["replicas"] == 2
    whole.api.patch(path, {"spec": {"replicas": 3}})


@pytest.mark.parametrize("how", ["image", "readiness"])
def test_a_bad_rollout_stands_still_and_is_rolled_back(whole, fake, how):
    path = apps("deployments", whole.namespace, "web")
    before = whole.api.get(path)["spec"]["template"]["spec"]
    done = held(whole, "bad_rollout", how=how)

    assert "pods of the new version are as bad as they should be" in done.evidence[0]
    assert serves(whole)
    whole.injector.lift(done.fault_id)
    assert whole.api.get(path)["spec"]["template"]["spec"] == before


def test_a_network_plug_in_that_enforces_nothing_means_that_the_fault_is_not_applied(whole, fake):
    fake.services.enforces_policies = False
    try:
        with pytest.raises(FaultRefused, match="does not enforce it"):
            held(whole, "network_policy")
    finally:
        fake.services.enforces_policies = True
    assert leases(whole) == ()
    assert not [one for one in everything(whole) if "networkpolicies" in one["kind"]]


def test_a_policy_is_an_outage_for_users(whole, fake):
    done = held(whole, "network_policy")

    assert not serves(whole)
    whole.injector.lift(done.fault_id)
    assert serves(whole)


def test_an_eviction_that_a_disruption_budget_forbids_is_not_applied(whole):
    path = BUDGETS.format(whole.namespace)
    whole.api.create(path, BUDGET)
    uids = {one.uid for one in whole.stack.pods()}
    try:
        with pytest.raises(FaultRefused, match=r"a disruption budget does not let web-.* go"):
            whole.inject("pod_evict", service="web")
        with pytest.raises(FaultRefused, match=r"a disruption budget does not let"):
            held(whole, "node_drain")
    finally:
        whole.api.delete(f"{path}/web")
    assert {one.uid for one in whole.stack.pods()} == uids
    name = next(iter(whole.stack.pods())).node
    assert not whole.api.get(node(name))["spec"].get("unschedulable")


def test_pods_leave_as_fast_as_their_budget_lets_them_and_that_is_its_act(whole):
    path = BUDGETS.format(whole.namespace)
    whole.api.create(path, {**BUDGET, "spec": {**BUDGET["spec"], "minAvailable": 2}})
    whole.marks.clear()
    before = {one.uid for one in whole.stack.pods() if one.workload == "web"}
    try:
        whole.inject("pod_evict", service="web", pick="all", patience="30s")
    finally:
        whole.api.delete(f"{path}/web")
    acts = [one for one in list(whole.marks) if one.source == "budget"]
    strengths = [one.data["have"] for one in list(whole.marks)
                 if one.kind is MarkKind.REDUNDANCY and one.service == "web"]  # fmt: skip

    assert {MarkKind.DETECTED, MarkKind.ACTED} == {one.kind for one in acts}
    assert min(strengths) >= 2
    assert all(one.terminating for one in whole.stack.pods() if one.uid in before)


def test_an_eviction_that_is_allowed_is_proven(whole):
    done = whole.inject("pod_evict", service="web")

    assert "evicting" in done.evidence[0]


def test_a_drain_of_a_pod_without_owner_or_volumes_is_a_refusal_and_no_type_error(whole):
    spec = {"containers": [{"name": "one", "image": "x", "command": ["sleep", "600"]}]}
    whole.api.create(pods(whole.namespace), {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": spec})  # fmt: skip
    assert wait_until(lambda: _up(whole, "alone"), timeout_s=60)
    try:
        with pytest.raises(FaultRefused, match=r"would lose alone \(nobody would make it again\)"):
            held(whole, "node_drain", force=False, whole=True)
        name = next(iter(whole.stack.pods())).node
        assert not whole.api.get(node(name))["spec"].get("unschedulable")
    finally:
        whole.api.delete(pods(whole.namespace, "alone"), gracePeriodSeconds=0)


def _up(arena, name):
    return any(one.up for one in arena.stack.pods() if one.name == name)


def test_a_node_that_is_cordoned_already_is_refused(whole):
    name = next(iter(whole.stack.pods())).node
    whole.api.patch(node(name), {"spec": {"unschedulable": True}})
    try:
        with pytest.raises(FaultRefused, match="cordoned already, by somebody else"):
            held(whole, "node_cordon")
    finally:
        whole.api.patch(node(name), {"spec": {"unschedulable": None}})


def test_a_quota_stops_the_replacement_until_it_is_lifted(whole):
    done = held(whole, "quota_exhausted")
    whole.inject("pod_delete", service="web", grace="0s")
    time.sleep(1)

    assert whole.stack.missing()
    whole.injector.lift(done.fault_id)
    assert whole.regains()


def test_removed_configuration_bites_at_the_next_start(whole):
    done = held(whole, "config_removed")
    whole.inject("pod_delete", service="web", grace="0s")

    def waits():
        reasons = [each.reason for one in whole.stack.pods() for each in one.containers]
        return "CreateContainerConfigError" in reasons

    assert wait_until(waits, timeout_s=30)
    whole.injector.lift(done.fault_id)
    assert whole.regains()


def test_a_silent_kubelet_makes_the_node_unready_and_lets_go_by_itself(whole, fake):
    done = held(whole, "node_unreachable")

    assert "Ready is Unknown" in done.evidence[0]
    assert wait_until(lambda: not serves(whole), timeout_s=5)  # nobody is sent to its pods
    assert wait_until(lambda: not whole.injector.check(done.fault_id)[0], timeout_s=20)
    (gone,) = whole.injector.lift(done.fault_id)
    assert "Ready is True" in gone.evidence
    (effect,) = (one for one in whole.marks
                 if one.source == done.fault_id and one.kind is MarkKind.IN_EFFECT)  # fmt: skip
    assert gone.gone_ns == effect.at_ns + 6_000_000_000  # and not when we came to see


def test_chaos_mesh_that_is_not_installed_is_refused_and_installed_is_proven(whole, fake):
    with pytest.raises(FaultRefused, match="Chaos Mesh is not installed"):
        held(whole, "chaos_mesh")
    kinds = {"NetworkChaos": "networkchaos"}
    fake.api.custom["chaos-mesh.org/v1alpha1"] = kinds
    resource = "chaos-mesh.org/v1alpha1/networkchaos"

    def injected(kind, _namespace, item):
        if kind == resource:
            item["status"] = {"conditions": [{"type": "Selected", "status": "True"},
                                             {"type": "AllInjected", "status": "True"}]}  # fmt: skip

    fake.store.admissions.append(injected)
    done = held(whole, "chaos_mesh")
    (made,) = fake.store.list(resource)

    assert made["spec"]["selector"] == {
        "namespaces": [whole.namespace], "labelSelectors": {"app": "web"},
    }  # fmt: skip
    whole.injector.lift(done.fault_id)
    assert fake.store.list(resource) == []
    fake.store.admissions.remove(injected)


def test_a_server_that_is_away_while_a_fault_is_lifted_is_waited_for(whole, fake):
    done = held(whole, "quota_exhausted")
    fake.api.trouble(path="resourcequotas", times=5, drop=True)
    fake.api.trouble(method="DELETE", path="resourcequotas", times=2, code=409)
    whole.injector.lift(done.fault_id)

    assert leases(whole) == ()


def test_a_lift_that_is_forbidden_is_the_loudest_message(whole, fake):
    done = held(whole, "quota_exhausted")
    fake.api.denied.add(("delete", "resourcequotas"))
    with pytest.raises(LiftFailed, match=r"(?s)may still be on: .*chaoskit recover"):
        whole.injector.lift(done.fault_id)
    fake.api.denied.clear()
    whole.injector.lift(done.fault_id)


def test_recover_lifts_from_the_log_what_a_dead_harness_left(somewhere, cluster, fake, tmp_path):
    with ClusterArena(somewhere, tmp_path) as arena:
        held(arena, "quota_exhausted")
        held(arena, "workload_scale", to=0)
        arena.hand.leases.close()
        done = recover(arena.folder)

        assert len(done.undone) == 2
        assert done.removed == (f"namespace {arena.namespace}",)
        assert fake.store.find("namespaces", "", arena.namespace) is None


def test_a_lease_on_a_node_lets_go_when_nobody_renews_it(whole, fake, monkeypatch):
    monkeypatch.setattr("chaoskit.target.kubernetes.hand.LEASE_S", 2)
    done = held(whole, "container_hang", service="db")  # nobody asks it anything

    assert wait_until(lambda: not whole.injector.check(done.fault_id)[0], timeout_s=20)
    whole.injector.lift(done.fault_id)
    assert done.fault_id in whole.injector.lapsed
    assert [one.data["lapsed"] for one in lifted(whole, done)] == [True, False]


def test_what_we_let_go_has_not_lapsed(whole, fake):
    done = held(whole, "container_hang")
    whole.injector.lift(done.fault_id)

    assert [one.data["lapsed"] for one in lifted(whole, done)] == [False]


def test_marks_say_what_was_done_and_that_it_is_gone(whole):
    whole.marks.clear()
    done = held(whole, "quota_exhausted")
    whole.injector.lift(done.fault_id)

    kinds = [one.kind for one in whole.marks if one.source == done.fault_id]
    assert kinds == [MarkKind.INJECTED, MarkKind.IN_EFFECT, MarkKind.LIFTED]


def test_while_nobody_says_how_many_pods_there_are_none_counts(whole, fake):
    whole.marks.clear()
    fake.api.trouble(path="pods?watch=true", times=30, drop=True)
    fake.api.drop_watches()

    def strengths():
        return [one.data["have"] for one in whole.marks
                if one.kind is MarkKind.REDUNDANCY and one.service == "web"]  # fmt: skip

    assert wait_until(lambda: 0 in strengths(), timeout_s=30)
    fake.api.troubles.clear()
    assert wait_until(lambda: strengths()[-1] == 3, timeout_s=30)
