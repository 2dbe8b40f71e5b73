"""`chaoskit k8s`: the least rights, and the sweeper that needs no run's folder."""

import json
import shutil
import stat
import subprocess
import sys
from base64 import b64decode, b64encode

import pytest
import yaml
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.errors import Exit
from chaoskit.plan.targets import load_target
from chaoskit.run.sweep import sweep
from chaoskit.target.kubernetes.lease import EXPIRES, leases_in
from chaoskit.target.kubernetes.paths import apps, core
from tests.cluster.arena import TARGET, ClusterArena


def manifests(*words):
    done = CliRunner().invoke(cli, ["k8s", "rbac", *words])
    assert done.exit_code == 0, done.output
    return list(yaml.safe_load_all(done.output))


def rules(items, kind):
    return {
        (rule["resources"][0], verb)
        for one in items
        if one["kind"] == kind
        for rule in one["rules"]
        for verb in rule["verbs"]
    }


def test_a_fault_gets_the_rights_it_needs_and_no_others():
    near = rules(manifests("pod_delete", "--namespace", "shop"), "Role")

    assert ("pods", "delete") in near
    assert ("pods", "watch") in near
    assert ("namespaces", "get") in near
    assert not {one for one in near if one[0] in {"pods/exec", "deployments", "secrets", "nodes"}}


def test_a_healer_is_seen_with_the_rights_that_this_takes_and_no_others():
    near = rules(
        manifests("pod_delete", "--namespace", "shop", "--healer", "kubernetes-hpa"), "Role"
    )
    bare = rules(manifests("pod_delete", "--namespace", "shop"), "Role")

    assert near - bare == {
        (resource, verb)
        for resource in ("deployments", "statefulsets", "horizontalpodautoscalers")
        for verb in ("list", "watch")
    }


def test_an_unknown_healer_is_told_with_the_choices():
    done = subprocess.run(
        [sys.executable, "-m", "chaoskit", "k8s", "rbac", "pod_delete", "--healer", "kubernetes-hpq"],
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == Exit.USAGE
    assert "did you mean 'kubernetes-hpa'?" in done.stderr


def test_rights_on_nodes_are_of_the_cluster_and_those_on_pods_of_the_namespace():
    items = manifests("node_drain", "--namespace", "shop")

    assert ("nodes", "patch") in rules(items, "ClusterRole")
    assert ("pods/eviction", "create") in rules(items, "Role")
    assert not {one for one in rules(items, "ClusterRole") if one[0] == "pods"}


def test_a_probers_pod_needs_rights_of_its_own_where_it_is():
    beside = manifests("pod_delete", "--namespace", "shop", "--prober")
    apart = manifests("pod_delete", "--namespace", "shop", "--prober-namespace", "probes")
    own = manifests("pod_delete", "--prober")
    needed = {("pods", "create"), ("pods", "delete"), ("pods/exec", "create"), ("pods/exec", "get")}
    places = {one["metadata"]["namespace"]: [one] for one in apart if one["kind"] == "Role"}
    names = [one["metadata"]["name"] for one in beside if one["kind"] == "RoleBinding"]

    assert needed <= rules(beside, "Role")
    assert names == ["chaoskit", "chaoskit-prober"]
    assert needed <= rules(places["probes"], "Role")
    assert ("namespaces", "get") in rules(places["probes"], "Role")
    assert ("pods/exec", "create") not in rules(places["shop"], "Role")
    assert needed <= rules(own, "ClusterRole")


def test_who_is_to_make_namespaces_may_do_so():
    assert ("namespaces", "create") in rules(manifests("pod_delete"), "ClusterRole")


def test_the_rights_of_a_port_forward_are_given_to_who_asks_for_them():
    plain = rules(manifests("pod_delete", "--namespace", "shop"), "Role")
    near = rules(manifests("pod_delete", "--namespace", "shop", "--port-forward"), "Role")

    assert near - plain == {
        *{("pods/portforward", verb) for verb in ("create", "get")},
        *{("endpointslices", verb) for verb in ("list", "watch")},
    }
    assert ("pods", "get") in near


def test_the_rights_for_a_target_that_is_entered_through_a_forward_have_them(tmp_path):
    shutil.copytree(TARGET, tmp_path / "shop")
    path = tmp_path / "shop" / "target.yaml"
    path.write_text(path.read_text().replace("port: 80}", "port: 80, through: port-forward}"))
    found = rules(
        manifests("pod_delete", "--target", "shop", "--targets", str(tmp_path)), "ClusterRole"
    )

    assert ("pods/portforward", "create") in found


def test_an_unknown_fault_is_told_with_the_choices():
    done = subprocess.run(
        [sys.executable, "-m", "chaoskit", "k8s", "rbac", "pod_delet"],
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == Exit.USAGE
    assert "did you mean 'pod_delete'?" in done.stderr


@pytest.fixture
def arena(somewhere, tmp_path):
    with ClusterArena(somewhere, tmp_path) as one:
        yield one


def expire(arena):
    """Nobody renews the only lease any more."""
    arena.hand.leases.close()
    (lapsed,) = leases_in(arena.api, arena.namespace, "chaoskit.run")
    past = {"metadata": {"annotations": {EXPIRES: "2020-01-01T00:00:00+00:00"}}}
    arena.api.patch(core("configmaps", arena.namespace, lapsed.name), past)


def test_the_sweeper_lifts_what_lapsed_and_leaves_alone_what_is_renewed(arena):
    kept = arena.inject("quota_exhausted", service="web")
    arena.inject("workload_scale", service="web", to=1)
    arena.hand.leases.close()
    (lapsed,) = [one for one in leases_in(arena.api, arena.namespace, "chaoskit.run")
                 if one.operation.kind == "scale"]  # fmt: skip
    past = {"metadata": {"annotations": {EXPIRES: "2020-01-01T00:00:00+00:00"}}}
    arena.api.patch(core("configmaps", arena.namespace, lapsed.name), past)
    said = []

    assert sweep("", arena.namespace, once=True, every_s=0, tell=said.append) == Exit.PASS
    left = [one.operation.kind for one in leases_in(arena.api, arena.namespace, "chaoskit.run")]
    assert left == ["quota"]
    assert arena.api.get(apps("deployments", arena.namespace, "web"))["spec"]["replicas"] == 3
    assert any("lifted" in one for one in said)
    assert arena.injector.check(kept.fault_id)[0]


def test_what_a_removed_secret_held_is_in_a_secret_and_nowhere_else(arena):
    secrets = core("secrets", arena.namespace)
    password, token = b64encode(b"hunter2-hunter2").decode(), {"team": "shop"}
    made = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": True,
            "metadata": {"name": "web-token", "labels": token}, "data": {"password": password}}  # fmt: skip
    arena.api.create(secrets, made)
    done = arena.inject("config_removed", service="web", config="web-token", secret=True)
    leases, _ = arena.api.items(core("configmaps", arena.namespace))
    (kept,), _ = arena.api.items(secrets)
    log = arena.folder / "faults.jsonl"
    marks = "".join(map(str, arena.marks))

    for text in (json.dumps(leases), log.read_text(), marks):
        assert "web-token" in text
        assert password not in text
        assert "hunter2" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert password in b64decode(kept["data"]["object"]).decode()
    arena.injector.lift(done.fault_id)
    (back,), _ = arena.api.items(secrets)
    assert {key: back[key] for key in ("type", "immutable", "data")} == {
        key: made[key] for key in ("type", "immutable", "data")
    }
    assert back["metadata"]["labels"] == token
    assert leases_in(arena.api, arena.namespace, "chaoskit.run") == ()


def test_the_sweeper_brings_a_removed_secret_back_without_listing_secrets(arena, fake):
    secrets = core("secrets", arena.namespace)
    arena.api.create(secrets, {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="},
                               "metadata": {"name": "web-token"}})  # fmt: skip
    arena.inject("config_removed", service="web", config="web-token", secret=True)
    expire(arena)
    fake.api.denied |= {(verb, "secrets") for verb in ("list", "watch", "patch", "update")}

    assert sweep("", arena.namespace, once=True, every_s=0, tell=lambda _: None) == Exit.PASS
    fake.api.denied.clear()
    (back,), _ = arena.api.items(secrets)
    assert (back["metadata"]["name"], back["data"]) == ("web-token", {"a": "Yg=="})


def test_a_removed_secret_whose_copy_is_gone_is_told_and_not_taken_for_healed(arena):
    arena.inject("config_removed", service="web", config="web-app")
    secrets = core("secrets", arena.namespace)
    (kept,), _ = arena.api.items(secrets)
    arena.api.delete(core("secrets", arena.namespace, kept["metadata"]["name"]))
    expire(arena)
    said = []

    assert sweep("", arena.namespace, once=True, every_s=0, tell=said.append) == Exit.LEFT_BEHIND
    assert "make it again by hand" in said[-1]
    assert len(leases_in(arena.api, arena.namespace, "chaoskit.run")) == 1
    app = load_target(TARGET).cluster.objects
    (config,) = [one for one in app if one["metadata"]["name"] == "web-app"]
    arena.api.create(core("configmaps", arena.namespace), config)


def test_only_who_removes_configuration_may_touch_secrets():
    assert not {one for one in rules(manifests("quota_exhausted", "--namespace", "shop"), "Role")
                if one[0] == "secrets"}  # fmt: skip
    near = rules(manifests("config_removed", "--namespace", "shop"), "Role")
    assert {verb for resource, verb in near if resource == "secrets"} == {"create", "get", "delete"}
