"""A cluster at a distance of nothing: from a change on the API server to the mark, and what size costs.

The API server is the fake one of tests/cluster, in this machine: the figures are ours alone, without
any network or any real server's work.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TITLE = "Kubernetes: watch to mark, and 1,000 pods with 10,000 events"

_CHANGES = 300
_PODS, _EVENTS = 1000, 10_000
_ROOT = Path(__file__).parents[1]


def measure() -> dict[str, object]:
    """Latency of a mark, and memory of the observers, both against the fake API server."""
    from tests.cluster.server import ApiServer

    with tempfile.TemporaryDirectory() as folder:
        server = ApiServer(history=50_000)
        os.environ["KUBECONFIG"] = str(_kubeconfig(Path(folder) / "kubeconfig", server.url))
        server.store.create("namespaces", "", {"metadata": {"name": "big"}})
        try:
            return {"watch_to_mark": _latency(server), "size": _size(server)}
        finally:
            server.close()


def _latency(server: object) -> dict[str, float]:
    """From the moment at which the server has a change to the moment at which its mark is made."""
    from chaoskit.model.target import Strength, TargetSpec
    from chaoskit.target.kubernetes.api import reach
    from chaoskit.target.kubernetes.observers import ClusterObservers

    marks = []
    spec = TargetSpec(
        name="one",
        folder=Path(),
        title="One",
        entrypoints=(),
        strengths=(Strength(service="web", instances=1),),
    )
    store = server.store  # type: ignore[attr-defined]
    store.create("namespaces", "", {"metadata": {"name": "one"}})
    store.create("pods", "one", _pod(0))
    observers = ClusterObservers(
        spec=spec, api=reach(), namespace="one", selector="", record=marks.append
    )
    observers.start()
    time.sleep(0.3)  # the watch is open
    delays = []
    for number in range(_CHANGES):
        ready = "True" if number % 2 else "False"
        before = len(marks)

        def change(item: dict, ready: str = ready) -> None:
            item["status"]["conditions"][0]["status"] = ready

        changed_ns = time.monotonic_ns()
        store.update("pods", "one", "web-1-0", change)
        while len(marks) == before:
            time.sleep(0.0005)
        delays.append((time.monotonic_ns() - changed_ns) / 1e6)
        time.sleep(0.005)
    observers.stop()
    return {
        "changes": len(delays),
        "median_ms": float(np.median(delays)),
        "p99_ms": float(np.quantile(delays, 0.99)),
        "bound_ms": 20.0,
    }


def _size(server: object) -> dict[str, object]:
    store = server.store  # type: ignore[attr-defined]
    for number in range(_PODS):
        store.create("pods", "big", _pod(number))
    words = [sys.executable, "-m", "benchmarks._cluster_memory", str(_PODS), str(_EVENTS)]
    with subprocess.Popen(
        words, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdin is not None
        assert watcher.stdout.readline().strip() == "ready"
        begun = time.monotonic()
        for number in range(_EVENTS):
            store.create("events", "big", _event(number))
        watcher.stdin.write("done\n")
        watcher.stdin.flush()
        found = json.loads(watcher.stdout.readline())
    return {**found, "events_took_s": time.monotonic() - begun, "bound_mib": 300}


def _pod(number: int) -> dict[str, object]:
    owner = {"kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"web-1-{number}",
            "labels": {"pod-template-hash": "1", "app": "web"},
            "ownerReferences": [owner],
            "managedFields": [{"manager": "x", "fieldsV1": {"f:spec": {"f:x" * 40: {}}}}] * 3,
        },
        "spec": {"containers": [{"name": "web", "image": "x", "env": [{"name": "A" * 50}] * 20}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "web", "containerID": "x://1", "state": {"running": {}}, "restartCount": 0}
            ],
        },
    }


def _event(number: int) -> dict[str, object]:
    return {
        "metadata": {"name": f"e-{number}"},
        "involvedObject": {"kind": "Pod", "name": f"web-1-{number % _PODS}"},
        "reason": "Unhealthy",
        "message": "Readiness probe failed: " + "x" * 100,
        "count": 1,
    }


def _kubeconfig(path: Path, url: str) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "token-1"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
