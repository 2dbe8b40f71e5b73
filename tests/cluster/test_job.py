"""What `chaoskit k8s job` prints, applied to a cluster; and what its containers would run, run here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.plan.targets import load_target
from chaoskit.run.clock import wait_until
from chaoskit.target.kubernetes.lease import EXPIRES
from chaoskit.target.kubernetes.paths import NAMESPACES, collection, core, of_object
from tests.cluster.arena import TARGET
from tests.cluster.test_run import EXPERIMENT

STANDING = """\
title: A shop that stands
kubernetes: {namespace: shop, selector: "app=web"}
entrypoints:
  web_url: {service: web, port: 80}
redundancy: {web: 3}
healers:
  - {name: replicaset, kind: kubernetes-replicaset, witness: {engine: true}}
"""
WIDE = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"}


@pytest.fixture
def shop(fake, api):
    """The target stands in its namespace, and chaoskit has one of its own."""
    for name in ("shop", "chaoskit"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        api.create(NAMESPACES, body)
    for item in load_target(TARGET).cluster.objects:
        api.create(of_object(api, item, "shop"), item)
    assert wait_until(lambda: ready(fake) == 3, timeout_s=60)
    return fake


def ready(fake):
    statuses = [one for pod in fake.pods("shop") if pod["metadata"]["name"].startswith("web")
                for one in (pod.get("status") or {}).get("conditions", ())]  # fmt: skip
    return sum(one["type"] == "Ready" and one["status"] == "True" for one in statuses)


def printed(*words):
    done = CliRunner().invoke(cli, ["k8s", "job", *words, "--image", "chaos:1"])
    assert done.exit_code == 0, done.output
    return list(yaml.safe_load_all(done.output))


def applied(api, items):
    for one in items:
        home = one["metadata"].get("namespace", "")
        wide = collection(one["apiVersion"], WIDE.get(one["kind"], ""))
        api.create(wide if not home else of_object(api, one, home), one)


def commands(fake):
    """By name, what the containers of the applied Jobs and CronJobs would run."""
    found = {}
    for kind in ("jobs", "cronjobs"):
        for one in fake.store.list(f"batch/v1/{kind}", "chaoskit"):
            job = one["spec"].get("jobTemplate", one)["spec"]
            (container,) = job["template"]["spec"]["containers"]
            found[one["metadata"]["name"]] = container["command"]
    return found


def test_its_manifests_are_taken_and_its_commands_do_what_they_say(shop, api, tmp_path):
    folder = tmp_path / "targets" / "shop"
    folder.mkdir(parents=True)
    (folder / "target.yaml").write_text(STANDING)
    experiment = tmp_path / "delete.yaml"
    experiment.write_text(
        EXPERIMENT.replace("FAULT", "pod_delete").replace(
            "ARGUMENTS", "service: web, pick: all, grace: 0s"
        )
    )
    applied(api, printed("delete.yaml", "--namespace", "shop",
                         "--fault", "pod_delete", "--fault", "quota_exhausted"))  # fmt: skip
    found = commands(shop)
    results = tmp_path / "volume"

    run = [str(results) if word == "/results" else word for word in found["chaoskit"]]
    done = at_work(tmp_path, run)
    assert done.returncode == 0, done.stdout
    journal = json.loads((results / "latest" / "journal.json").read_text())
    assert journal["experiments"][0]["judgement"]["verdict"] == "healed"
    # its own file system can only be read
    assert {one.name for one in tmp_path.iterdir()} <= {
        "targets", "delete.yaml", "volume", "kubeconfig"
    }  # fmt: skip

    lapsed_quota(api)
    done = at_work(tmp_path, found["chaoskit-sweeper"])
    assert done.returncode == 0, done.stdout
    assert shop.store.list("resourcequotas", "shop") == []
    assert api.items(core("configmaps", "shop"), "chaoskit.dev/role=fault")[0] == []


def lapsed_quota(api):
    """A fault whose harness has died, as it is found in the cluster."""
    operation = {
        "doer": "cluster", "kind": "quota", "mechanism": "a quota",
        "instance": {"id": "web", "name": "web", "service": "web", "pid": 0, "addresses": {}},
        "params": {"tag": "gone/f1.0", "namespace": "shop", "used": 3},
    }  # fmt: skip
    api.create(core("resourcequotas", "shop"), {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "chaoskit-gone-f1-0"},
        "spec": {"hard": {"pods": "0"}},
    })  # fmt: skip
    api.create(core("configmaps", "shop"), {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"operation": json.dumps(operation)},
        "metadata": {
            "name": "chaoskit-fault-gone-f1-0",
            "labels": {"chaoskit.run": "gone", "chaoskit.dev/role": "fault"},
            "annotations": {EXPIRES: "2020-01-01T00:00:00+00:00", "chaoskit.dev/handle": "f1.0"},
        },
    })  # fmt: skip


def at_work(folder, command):
    assert command[0] == "chaoskit"
    assert shutil.which("chaoskit", path=str(Path(sys.executable).parent))
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, text=True, timeout=200,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
