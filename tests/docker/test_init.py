"""The first hour, with a real engine: `init`, `validate`, `run`, on somebody's Compose file."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

APP = Path(__file__).parents[1] / "apps" / "noticeboard"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("first-hour")
    shutil.copytree(APP, folder / "noticeboard")
    return folder


def impatient(path):
    """Shorter promises than `init` writes: nothing heals here, so every trial lasts the whole watch."""
    text = path.read_text()
    for written, shorter in (
        ("recovery: 10s", "recovery: 3s"),
        ("redundancy: 15s", "redundancy: 5s"),
        ("watch: 20s", "watch: 7s"),
    ):
        text = text.replace(written, shorter)
    path.write_text(text)


def test_the_first_runs_tell_the_truth_and_do_not_spoil_each_other(project, run, chaoskit):
    """The page gives up for good when it once failed: only a fresh start gives the second crash a
    baseline. Both crashes are the system's fault, and neither is ours.
    """
    targets, experiments = project / "targets", project / "experiments"
    begun = chaoskit(
        "init", project / "noticeboard", "--targets", targets, "--experiments", experiments
    )
    assert begun.returncode == 0, begun.stderr
    cut, crash = (
        next(experiments.glob(f"*/*-{one}.yaml"))
        for one in ("board-without-notices", "crash-notices")
    )
    for path in (cut, crash):
        impatient(path)
    checked = chaoskit("validate", experiments, "--targets", targets)
    assert checked.returncode == 0, checked.stderr

    ran = run(cut, crash, extra=("--targets", targets))

    assert (ran.code, ran.verdicts) == (1, ["not_healed", "not_healed"]), ran.err
    assert "was started anew for the next one" in ran.err
