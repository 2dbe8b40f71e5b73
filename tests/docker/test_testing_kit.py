"""The test kit proves faults, and finds out those that do not do what they promise."""

import json
import subprocess
import sys

import pytest

from chaoskit.testing import NotProven, instance, pid_of, prove_fault, serves
from tests.installing import ROOT, install_example, with_site

pytestmark = pytest.mark.docker


def hangs(arena):
    return not serves(instance(arena))


def test_a_held_fault_is_shown_to_bite_and_to_be_gone_whoever_lifts_it(arena):
    proof = prove_fault("hang", arena=arena, bites=hangs)

    assert proof.injected.instances == ("web-1",)
    assert len(proof.gone) == 2
    assert all("none in state T" in one for one in proof.gone)


def test_a_struck_fault_is_shown_to_bite(arena):
    web = arena.add("web", restart="always")
    before = pid_of(web)
    proof = prove_fault("crash", arena=arena, bites=lambda _: pid_of(web) not in {0, before})

    assert proof.gone == ()


def test_a_look_that_cannot_tell_is_found_out(arena):
    with pytest.raises(NotProven, match="bites before anything was done"):
        prove_fault("hang", arena=arena, bites=lambda _: True)
    with pytest.raises(NotProven, match="hang does not bite"):
        prove_fault("hang", arena=arena, bites=lambda _: False, patience_s=0.2)
    arena.injector.lift_all()
    looks = iter([False, *[True] * 100])
    with pytest.raises(NotProven, match="was lifted, and it still bites"):
        prove_fault("hang", arena=arena, bites=lambda _: next(looks), patience_s=0.5)


def test_a_fault_that_leaves_something_behind_is_found_out(arena):
    looked = []

    def leaves_a_process(arena):
        looked.append(1)
        if len(looked) == 2:
            instance(arena).exec_run(["sleep", "86400"], detach=True)
        return hangs(arena)

    with pytest.raises(NotProven, match=r"left something behind: web-1: .*sleep"):
        prove_fault("hang", arena=arena, bites=leaves_a_process)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The package of the documentation, as a third party would have it."""
    return install_example(tmp_path_factory.mktemp("example"))


def command(example, *words):
    site, source = example
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=source,
        env=with_site(site),
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_the_faults_of_another_package_bite_and_lift(example):
    """One is made of our operations; the other's own operation is in an agent that was made for it."""
    done = command(example, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_faults.py")

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_run_uses_fault_probe_and_reporter_of_another_package(example, tmp_path):
    where = ("--targets", ROOT / "targets", "--reports", tmp_path / "reports")
    done = command(example, "-m", "chaoskit", "run", "experiment.yaml", "--seed", "7", *where)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "reports" / "latest"
    journal = json.loads((folder / "journal.json").read_text())
    (experiment,) = journal["experiments"]

    assert experiment["judgement"]["verdict"] == "not_healed"
    assert "front-page" in str(experiment)
    assert "as expected" in json.loads((folder / "chat.json").read_text())["text"]
    counts = {one.name: one.read_bytes() for one in folder.glob("trials/**/samples*")}
    assert any(counts.values())
