"""A cluster for the tests: the fake one, or with CHAOSKIT_TEST_KUBECONFIG a real one.

`make test-k8s KUBECONFIG=...` runs the same tests against a real cluster. What only a fake can be
told to do (drop a watch, answer 429) asks for `fake`, and is left out there.
"""

import os
from contextlib import closing
from pathlib import Path

import pytest

from chaoskit.errors import EnvironmentUnfit, Exit
from chaoskit.target.kubernetes.api import reach
from tests.cluster.fake import FakeCluster

REAL = os.environ.get("CHAOSKIT_TEST_KUBECONFIG", "")


def pytest_collection_modifyitems(items):
    """Pods are processes that are timed, as containers are: a second try, see decision 0011."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def _answers():
    """A real cluster that is not there is told of once, and not by every test."""
    if not REAL:
        return
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KUBECONFIG", REAL)
        try:
            reach().close()
        except EnvironmentUnfit as error:
            pytest.exit(f"no test was run: {error}", returncode=int(Exit.ENVIRONMENT))


@pytest.fixture(scope="module")
def somewhere():
    """The fake cluster of a module; None when a real one is meant."""
    if REAL:
        yield None
        return
    with FakeCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(somewhere, monkeypatch, tmp_path):
    """A cluster that the environment names; the fake itself, or None for a real one."""
    path = Path(REAL) if REAL else somewhere.kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return somewhere


@pytest.fixture
def fake(cluster):
    """Only the fake one, as it is when nothing is wrong."""
    if cluster is None:
        pytest.skip("only a fake cluster can be told to do that")
    yield cluster
    cluster.api.troubles.clear()
    cluster.api.denied.clear()
    cluster.forwards.well()
    cluster.api.custom.clear()
    cluster.api.clock_s = 0.0
    cluster.api.token = "token-1"


@pytest.fixture
def api(cluster):
    with closing(reach()) as one:
        yield one
