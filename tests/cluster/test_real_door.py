"""`make test-k8s`: the same tests against a cluster that stands by itself, here a fake one in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from chaoskit.errors import Exit
from tests.cluster.conftest import REAL
from tests.object_store import free_ports

pytestmark = pytest.mark.skipif(bool(REAL), reason="a real cluster needs no door to a fake one")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory):
    path = tmp_path_factory.mktemp("door") / "kubeconfig"
    words = [sys.executable, "-m", "tests.cluster.fake", str(path)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == f"export KUBECONFIG={path}\n"
            yield path
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def suite(kubeconfig, *words):
    environment = {**os.environ, "CHAOSKIT_TEST_KUBECONFIG": str(kubeconfig)}
    environment.pop("KUBECONFIG", None)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:randomly", *words], cwd=ROOT,
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200,
    )  # fmt: skip


def test_tests_run_against_it_and_what_only_a_fake_can_be_told_is_left_out(kubeconfig):
    done = suite(kubeconfig, "tests/cluster/test_api.py", "tests/cluster/test_commands.py",
                  "-k", "watch or rbac or status or lapsed")  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 3
    assert "only a fake cluster can be told to do that" in done.stdout


def test_a_cluster_that_is_not_there_is_told_once(kubeconfig, tmp_path):
    config = yaml.safe_load(kubeconfig.read_text())
    (port,) = free_ports(1)
    config["clusters"][0]["cluster"]["server"] = f"http://127.0.0.1:{port}"
    nowhere = tmp_path / "nowhere"
    nowhere.write_text(yaml.safe_dump(config))
    done = suite(nowhere, "tests/cluster/test_api.py")

    assert done.returncode == Exit.ENVIRONMENT, done.stdout
    assert done.stdout.count("no test was run: the cluster does not answer") == 1
    assert "passed" not in done.stdout


def test_make_refuses_a_file_that_is_not_there(tmp_path):
    done = subprocess.run(
        ["make", "test-k8s", f"KUBECONFIG={tmp_path}/none"], cwd=ROOT, text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip

    assert done.returncode == 2
    assert f"there is no file '{tmp_path}/none'" in done.stdout
