"""A target in a cluster that stands without a run: up, status, down, doctor, and a plain `chaos run`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.errors import Exit
from chaoskit.run.clock import wait_until
from chaoskit.target.kubernetes.lease import leases_in
from tests.cluster.arena import TARGET
from tests.cluster.test_run import EXPERIMENT

UP = "chaoskit-up-shop"
CONTROL = "controls: [{name: chaoskit, provider: {type: python, module: chaoskit.control}}]\n"


@pytest.fixture
def place(cluster, tmp_path, monkeypatch):
    """A project folder, and no Docker engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-docker.sock")
    shutil.copytree(TARGET, tmp_path / "targets" / "shop")
    yield tmp_path
    command(tmp_path, "chaoskit", "down", "shop")


def command(place, module, *words, **options):
    """What it printed, and how it ended."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=place, env=_environment(options.pop("also", {})),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200,
    )  # fmt: skip
    return done.stdout, done.returncode


def _environment(also):
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **also}


def written(place, fault, arguments):
    path = place / f"{fault}.yaml"
    text = EXPERIMENT.replace("FAULT", fault).replace("ARGUMENTS", arguments)
    path.write_text(text + "rollbacks: []\n" + CONTROL)
    return str(path)


def test_up_stands_status_shows_it_and_down_removes_it(place, api):
    words, code = command(place, "chaoskit", "up", "shop")
    assert code == 0, words
    assert f"namespace = {UP}" in words
    assert "web_url = http://" in words
    words, code = command(place, "chaoskit", "status")
    assert code == 0, words
    assert f"shop  (up in a cluster, namespace {UP})" in words
    assert "Running ready" in words
    words, code = command(place, "chaoskit", "up", "shop")
    assert code == Exit.USAGE
    assert f"the namespace {UP} is there already" in words
    words, code = command(place, "chaoskit", "down", "shop")

    assert (code, f"removed namespace {UP}" in words) == (0, True), words
    assert api.find(f"/api/v1/namespaces/{UP}") is None
    words, code = command(place, "chaoskit", "down", "shop")
    assert (code, words) == (0, "0 removed; nothing of it is left.\n")


def test_down_leaves_a_namespace_alone_that_only_has_the_name(place, api):
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": UP}}
    api.create("/api/v1/namespaces", made)
    words, _ = command(place, "chaoskit", "down", "shop")

    assert words.startswith("0 removed")
    assert api.find(f"/api/v1/namespaces/{UP}") is not None
    api.delete(f"/api/v1/namespaces/{UP}")
    assert wait_until(lambda: api.find(f"/api/v1/namespaces/{UP}") is None, timeout_s=60)


def test_a_target_that_does_not_start_is_not_left_behind(place, api):
    target = place / "targets" / "shop" / "target.yaml"
    target.write_text(target.read_text().replace("timeout: 120s", "timeout: 1ms"))
    words, code = command(place, "chaoskit", "up", "shop")

    assert code == Exit.ENVIRONMENT
    assert "not ready within" in words
    assert api.find(f"/api/v1/namespaces/{UP}") is None


def test_a_plain_chaos_run_breaks_what_stands_and_lifts_it_at_the_end(place, api):
    command(place, "chaoskit", "up", "shop")
    path = written(place, "workload_scale", "service: web, to: 1")
    words, code = command(place, "chaostoolkit", "run", path)
    journal = json.loads((place / "journal.json").read_text())
    (activity,) = [one for one in journal["run"] if one["activity"]["type"] == "action"]

    assert code == 0, words
    assert journal["status"] == "completed"
    assert activity["status"] == "succeeded"
    assert activity["output"]["evidence"] == ["1 replicas are wanted, 1 are ready"]
    web = api.get(f"/apis/apps/v1/namespaces/{UP}/deployments/web")
    assert web["spec"]["replicas"] == 3
    assert leases_in(api, UP, "chaoskit.run") == ()


def test_a_killed_chaos_run_is_undone_by_its_keeper(place, api):
    command(place, "chaoskit", "up", "shop")
    path = written(place, "workload_scale", "service: web, to: 1")
    text = Path(path).read_text().replace("rollbacks: []", "")
    Path(path).write_text(
        text + "rollbacks: [{type: action, name: wait, provider: {type: process, path: sleep, "
        "arguments: '600'}}]\n"
    )
    words = [sys.executable, "-m", "chaostoolkit", "run", "--rollback-strategy=always", path]
    process = subprocess.Popen(words, cwd=place, env=_environment({}), start_new_session=True)
    where = f"/apis/apps/v1/namespaces/{UP}/deployments/web"
    assert wait_until(lambda: api.get(where)["spec"]["replicas"] == 1, timeout_s=60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)

    assert wait_until(lambda: api.get(where)["spec"]["replicas"] == 3, timeout_s=90)


def test_without_a_target_that_is_up_nothing_is_broken(place):
    path = written(place, "pod_delete", "service: web")
    words, _ = command(place, "chaostoolkit", "run", path, also={"CHAOSKIT_TARGET": "shop"})

    assert "shop is not up (no namespace 'chaoskit-up-shop'): chaoskit up shop" in words


def test_a_right_that_the_undo_needs_is_missed_before_the_fault(place, fake):
    command(place, "chaoskit", "up", "shop")
    fake.api.denied.add(("delete", "configmaps"))
    path = written(place, "workload_scale", "service: web, to: 1")
    words, _ = command(place, "chaostoolkit", "run", path)
    web = fake.store.find("apps/v1/deployments", UP, "web")

    assert "our account may not delete configmaps" in words
    assert web["spec"]["replicas"] == 3


def test_the_doctor_asks_the_cluster_that_targets_are_in(place, fake):
    words, _ = command(place, "chaoskit", "doctor")
    assert "✓ Cluster: kubernetes v1.36.0-fake, nodes 1" in words
    fake.api.denied.add(("create", "namespaces"))
    words, _ = command(place, "chaoskit", "doctor")
    assert "our account may not create namespaces" in words
    fake.api.denied.clear()
    fake.api.token = "another"  # ours has expired
    words, _ = command(place, "chaoskit", "doctor")

    assert "! Cluster: the cluster at" in words
    assert "does not accept our credentials" in words
