"""Rights to make a target's own objects: printed from its manifests, and asked for before anything is made."""

import json
from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.errors import EnvironmentUnfit, Exit, InputError
from chaoskit.plan.targets import load_target
from chaoskit.target.kubernetes.access import refuse_unfit
from chaoskit.target.kubernetes.making import asking, making
from tests.cluster.arena import TARGET
from tests.cluster.test_run import chaoskit, namespaces, place, written  # noqa: F401  # a fixture

WIDGET = {"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "PodChaos", "metadata": {"name": "w"}}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "leader"},
    "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
               "verbs": ["get", "update"]}],
}  # fmt: skip


def printed(*words):
    done = CliRunner().invoke(cli, ["k8s", "rbac", *words])
    assert done.exit_code == 0, done.output or done.exception
    return {
        (rule["apiGroups"][0], rule["resources"][0]): set(rule["verbs"])
        for one in yaml.safe_load_all(done.output)
        for rule in one.get("rules", ())
    }


def test_the_rights_to_make_a_target_are_printed_with_those_of_its_faults():
    bare, whole = printed("pod_delete"), printed("pod_delete", "--target", str(TARGET))

    assert "create" not in bare.get(("apps", "deployments"), set())
    assert "create" in whole["apps", "deployments"]
    assert "create" in whole["apps", "statefulsets"]
    assert "create" in whole["", "services"]
    assert whole["", "namespaces"] == {"create", "get", "delete"}
    assert "delete" not in whole["apps", "deployments"]  # they go with their namespace


def test_the_rights_to_see_a_targets_healers_are_printed_with_them():
    stateful = printed("pod_delete", "--target", "k8s-stateful")
    rollout = printed("pod_delete", "--target", "k8s-rollout")

    assert "get" in stateful["", "pods/log"]  # its volume is seen in a log
    assert ("", "pods/log") not in rollout
    assert {"list", "watch"} <= rollout["apps", "replicasets"]  # its progress deadline is watched
    assert ("apps", "replicasets") not in stateful


class AllBut(set):
    """Every right but these is denied."""

    def __contains__(self, right):
        return not super().__contains__(right)


def test_a_run_needs_what_is_printed_and_nothing_else(place, fake, monkeypatch):  # noqa: F811
    written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    rights = printed("pod_delete", "--target", str(TARGET))
    allowed = {(verb, resource) for (_, resource), verbs in rights.items() for verb in verbs}
    monkeypatch.setattr(fake.api, "denied", AllBut(allowed))
    words, _ = (process := chaoskit(place, "run", "pod_delete.yaml")).communicate(timeout=200)

    assert process.returncode == Exit.PASS, words
    monkeypatch.setattr(fake.api, "denied", AllBut(allowed - {("create", "statefulsets")}))
    words, _ = (process := chaoskit(place, "run", "pod_delete.yaml")).communicate(timeout=100)
    assert process.returncode == Exit.ENVIRONMENT
    assert "our account may not create statefulsets.apps;" in words


@pytest.mark.parametrize("resource", ["deployments", "statefulsets", "services"])
def test_who_may_not_make_them_is_refused_before_the_namespace_is_there(
    place,  # noqa: F811
    fake,
    resource,
):
    written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    fake.api.denied.add(("create", resource))
    before = len(fake.api.requests)
    process = chaoskit(place, "run", "pod_delete.yaml")
    words, _ = process.communicate(timeout=100)

    assert process.returncode == Exit.ENVIRONMENT, words
    assert f"may not create {resource}" in words
    assert "chaoskit k8s rbac --target shop" in " ".join(words.split())
    made = [path for method, path in fake.api.requests[before:] if method == "POST"]
    assert made
    assert all("/authorization.k8s.io/" in path for path in made)
    assert namespaces(fake) == []


def test_a_role_takes_the_rights_that_are_in_it():
    rights = {str(one) for one in making([ROLE], lambda *_: pytest.fail("every cluster has it"))}

    assert rights == {
        "create roles.rbac.authorization.k8s.io",
        "get leases.coordination.k8s.io",
        "update leases.coordination.k8s.io",
    }


def test_what_a_kind_is_called_is_the_clusters_word(fake, api, place):  # noqa: F811
    target = place / "targets" / "shop"
    (target / "manifests" / "widget.yaml").write_text(json.dumps(WIDGET))
    spec = load_target(target)
    fake.api.custom["chaos-mesh.org/v1alpha1"] = {"PodChaos": "podchaos"}

    assert "create podchaos.chaos-mesh.org" in map(str, making(spec.cluster.objects, asking(api)))
    assert "create" in printed("pod_delete", "--target", str(target))["chaos-mesh.org", "podchaos"]
    fake.api.custom.clear()
    with pytest.raises(EnvironmentUnfit, match="serves no PodChaos"):
        refuse_unfit(api, spec, [])
    done = CliRunner().invoke(cli, ["k8s", "rbac", "pod_delete", "--target", str(target)])
    assert isinstance(done.exception, EnvironmentUnfit)
    assert "only a cluster tells" in str(done.exception)


def test_of_a_target_that_stands_nothing_is_made(fake, api):
    spec = load_target(TARGET)
    standing = replace(spec.cluster, objects=(), namespace="shop", selector="app=web")

    assert making(standing.objects, asking(api)) == ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["--target", "redis-restart"], "is in a Compose project", id="Compose"),
        pytest.param(
            ["--target", "k8s-web", "--namespace", "x"], "gets its own namespace", id="two"
        ),
        pytest.param(["--target", "k8s-wep"], "did you mean 'k8s-web'", id="a slip"),
    ],
)
def test_what_cannot_be_is_refused(words, told):
    done = CliRunner().invoke(cli, ["k8s", "rbac", "pod_delete", *words])

    assert isinstance(done.exception, InputError)
    assert told in str(done.exception)
