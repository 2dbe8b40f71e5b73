"""What every test with a real engine shares: the command line as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docker.arena import arena  # noqa: F401  # a fixture for every module here

ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items):
    """A machine that was too slow once is told from a defect by a second try; both are printed."""
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.flaky(reruns=1))


class Ran:
    """A `chaoskit run` that has ended."""

    def __init__(self, process, reports):
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr
        self.folder = (reports / "latest").resolve()

    @property
    def journal(self):
        return json.loads((self.folder / "journal.json").read_text())

    @property
    def verdicts(self):
        return [one["judgement"]["verdict"] for one in self.journal["experiments"]]

    def marks(self, trial=0, experiment=0):
        folder = self.journal["experiments"][experiment]["trials"][trial]["folder"]
        lines = (self.folder / folder / "marks.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def chaoskit():
    """Run a command of ours from the repository's root."""

    def run(*arguments, timeout=200, **options):
        return subprocess.run(
            [sys.executable, "-m", "chaoskit", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "CI": "true"},
            **options,
        )

    return run


@pytest.fixture
def experiment(tmp_path):
    """An experiment of the repository, with changes, as a file of the test."""

    def write(name, change=lambda document, block: None):
        document = yaml.safe_load((ROOT / "experiments" / f"{name}.yaml").read_text())
        block = document["extensions"][0]
        block["phases"] = {"baseline": "1s", "watch": "8s", "stable": "1s"}
        change(document, block)
        path = tmp_path / f"{name.replace('/', '-')}.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    return write


@pytest.fixture
def run(chaoskit, tmp_path):
    """`chaoskit run` with one trial and its own reports folder."""

    def go(*paths, trials=1, extra=()):
        reports = tmp_path / "reports"
        process = chaoskit(
            "run", *paths, "--trials", trials, "--seed", 7, "--reports", reports, *extra
        )
        return Ran(process, reports)

    return go
