"""`chaoskit run` against a cluster: from the file to a verdict, and what is left when it is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.run.clock import wait_until
from tests.cluster.arena import TARGET

EXPERIMENT = """\
title: A lost pod is replaced
description: Losing one of three pods must cost little, and the pod must come back.
tags: [kubernetes]
extensions:
  - name: chaoskit
    target: shop
    probing: {rate: 20, timeout: 500ms}
    phases: {baseline: 2s, watch: 60s, stable: 1s}
    trials: {runs: 1, allow: 0}
    budgets: {recovery: 20s, redundancy: 50s}
    healed_by: [replicaset]
steady-state-hypothesis:
  title: The front page answers
  probes:
    - {type: probe, name: page, tolerance: 200, provider: {type: http, url: "${web_url}/", timeout: 1}}
method:
  - type: action
    name: break
    provider: {type: python, module: chaoskit.faults.FAULT, func: inject, arguments: {ARGUMENTS}}
"""


@pytest.fixture
def place(cluster, tmp_path):
    """A project folder with one target on this cluster."""
    shutil.copytree(TARGET, tmp_path / "targets" / "shop")
    return tmp_path


def written(place, fault, arguments):
    path = place / f"{fault}.yaml"
    path.write_text(EXPERIMENT.replace("FAULT", fault).replace("ARGUMENTS", arguments))
    return path


def chaoskit(place, *words, **options):
    command = [sys.executable, "-m", "chaoskit", *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        command, cwd=place, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options,
    )  # fmt: skip


def namespaces(cluster):
    return [one["metadata"]["name"] for one in cluster.store.list("namespaces")
            if one["metadata"]["name"].startswith("chaoskit-2")]  # fmt: skip


def test_a_run_ends_in_a_verdict_and_leaves_nothing(place, cluster):
    written(place, "pod_delete", "service: web, pick: all, grace: 0s")
    process = chaoskit(place, "run", "pod_delete.yaml")
    words, _ = process.communicate(timeout=200)
    journal = json.loads((place / "reports" / "latest" / "journal.json").read_text())
    (experiment,) = journal["experiments"]
    (trial,) = experiment["trials"]
    marks = [json.loads(line) for line in
             (place / "reports" / "latest" / trial["folder"] / "marks.jsonl").read_text().splitlines()]  # fmt: skip
    seen = {(one["kind"], one.get("source", "")) for one in marks}

    assert process.returncode == 0, words
    # Pods that are replaced between two asks were missed by nobody.
    assert experiment["judgement"]["verdict"] in {"healed", "masked"}, words
    assert len(trial["picked"]) == 3
    assert {("detected", "replicaset"), ("acted", "replicaset"), ("redundancy", "cluster")} <= seen
    assert "calls of the API server" in words
    assert "kubernetes" in journal["environment"]
    if cluster is not None:
        assert namespaces(cluster) == []


def test_a_cluster_that_is_not_there_is_exit_4_and_nothing_is_written(place, monkeypatch):
    written(place, "pod_delete", "service: web")
    monkeypatch.setenv("KUBECONFIG", str(place / "none"))
    process = chaoskit(place, "run", "pod_delete.yaml")
    words, _ = process.communicate(timeout=60)

    assert process.returncode == 4
    assert "no cluster is configured" in words
    assert "Traceback" not in words
    assert not (place / "reports").exists()


def test_validate_and_plan_need_no_cluster(place, monkeypatch):
    written(place, "pod_delete", "service: web")
    monkeypatch.setenv("KUBECONFIG", str(place / "none"))
    for command in ("validate", "plan"):
        process = chaoskit(place, command, "pod_delete.yaml")
        words, _ = process.communicate(timeout=60)

        assert process.returncode == 0, words


def test_a_harness_that_is_killed_leaves_a_keeper_that_removes_the_namespace(place, cluster, fake):
    written(place, "pod_delete", "service: web")
    process = chaoskit(place, "run", "pod_delete.yaml", start_new_session=True)
    assert wait_until(lambda: len(fake.pods((namespaces(fake) or [""])[0])) >= 4, timeout_s=60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)

    assert wait_until(lambda: namespaces(fake) == [], timeout_s=60)
    again = chaoskit(place, "recover", "reports/latest")
    words, _ = again.communicate(timeout=60)
    assert again.returncode == 0, words
