"""Which experiments a run leaves out on a machine without a cluster, and which it must not."""

from pathlib import Path

import pytest

from chaoskit import pipeline
from chaoskit.plan.clusters import without_clusters
from chaoskit.request import Request

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def chosen(*paths):
    request = Request(
        paths=tuple(ROOT / "experiments" / one for one in paths), targets=ROOT / "targets", seed=1
    )
    plan, shelf = pipeline.plan(request)
    specs = {one.target: shelf.load(one.target) for one in plan.groups}
    kept, left_out = without_clusters(plan, specs, request.paths)
    return {group.target for group in kept.groups}, left_out


def test_a_whole_suite_leaves_clusters_out_and_says_how_many():
    kept, left_out = chosen("")

    assert not {one for one in kept if one.startswith("k8s-")}
    assert "restart-policy" in kept
    assert len(left_out) == len(list((ROOT / "experiments").glob("k8s-*/*.yaml")))


@pytest.mark.parametrize("named", ["k8s-web", "k8s-web/pod-delete.yaml"])
def test_what_is_named_is_never_left_out(named):
    kept, left_out = chosen(named, "restart-policy")

    assert kept == {"k8s-web", "restart-policy"}
    assert left_out == ()


def test_nothing_is_left_out_where_nothing_would_be_left():
    kept, left_out = chosen("k8s-web", "k8s-rollout")

    assert kept == {"k8s-web", "k8s-rollout"}
    assert left_out == ()


def test_with_a_cluster_everything_is_run(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/any")
    kept, left_out = chosen("")

    assert "k8s-web" in kept
    assert left_out == ()
