"""A fake cluster leaves nothing on the machine, however its test ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaoskit.run.clock import wait_until
from tests.cluster import leftovers
from tests.cluster.conftest import REAL
from tests.cluster.fake import FakeCluster

pytestmark = pytest.mark.skipif(bool(REAL), reason="about the fake cluster only")

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "one"},
    "spec": {
        "nodeName": "node-1",
        "containers": [
            {
                "name": "one",
                "image": "one",
                # whoever is left behind by its parent, as the lease of a hang is
                "command": ["sh", "-c", "(trap '' HUP TERM; sleep 300) & sleep 300"],
            }
        ],
    },
}
KILLED = """
import os
from tests.cluster.test_leftovers import begun
from tests.cluster.fake import FakeCluster
cluster = FakeCluster().__enter__()
begun(cluster)
print(cluster.kubelet.proc, flush=True)
os._exit(9)
"""


def begun(cluster):
    """A pod runs on it, with somebody in the background."""
    cluster.store.create("pods", "default", POD)
    # the kubelet, the container, its subshell, and a sleep of each
    assert wait_until(lambda: len(leftovers.processes(cluster.kubelet.proc)) >= 4, timeout_s=30)


def test_nothing_is_left_after_a_test_that_failed():
    cluster = FakeCluster()

    def fails():
        with cluster:
            begun(cluster)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not leftovers.processes(cluster.kubelet.proc)
    assert not cluster.kubelet.proc.exists()


def test_what_a_killed_test_left_is_cleared_by_the_next_one(tmp_path):
    root = Path(__file__).parents[2]
    said = tmp_path / "said"  # no pipe: what is left behind would hold it open
    with said.open("w") as out:
        done = subprocess.run([sys.executable, "-c", KILLED], stdout=out, stderr=out, cwd=root,
                              env={**os.environ, "PYTHONPATH": str(root)}, timeout=60)  # fmt: skip
    assert done.returncode == 9, said.read_text()
    left = Path(said.read_text().strip())

    assert leftovers.processes(left)
    with FakeCluster() as cluster:
        assert cluster.kubelet.proc.exists()
    assert not leftovers.processes(left)
    assert not left.exists()
