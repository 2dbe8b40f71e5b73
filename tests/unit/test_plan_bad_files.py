"""Every broken file says what is wrong, where, and what is allowed: golden messages.

`GOLDEN=overwrite pytest tests/unit/test_plan_bad_files.py` accepts the messages as they are now.
"""

import os
from pathlib import Path

import pytest

from chaoskit.errors import InputError
from chaoskit.manual.codes import shown
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf, load_target

BAD = Path(__file__).parents[1] / "bad"
EXPERIMENTS = sorted(path.name for path in BAD.iterdir() if path.suffix in {".yaml", ".json"})
TARGETS = sorted(path.name for path in (BAD / "broken-targets").iterdir())


def check_golden(golden: Path, text: str) -> None:
    if os.environ.get("GOLDEN") == "overwrite":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def told(error: InputError) -> str:
    return "".join(f"{shown(problem)}\n" for problem in error.problems)


@pytest.fixture(autouse=True)
def _in_the_folder_of_bad_files(monkeypatch):
    monkeypatch.chdir(BAD)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_broken_experiment_is_refused_with_every_mistake_and_its_place(name):
    with pytest.raises(InputError) as caught:
        load_experiment(Path(name), TargetShelf(Path("targets")))

    check_golden(BAD / f"{name}.expected", told(caught.value))


@pytest.mark.parametrize("name", TARGETS)
def test_a_broken_target_is_refused_with_every_mistake_and_its_place(name):
    with pytest.raises(InputError) as caught:
        load_target(Path("broken-targets") / name)

    check_golden(BAD / "broken-targets" / name / "expected", told(caught.value))


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(EXPERIMENTS) >= 60
    assert len(TARGETS) >= 15


def test_every_message_names_a_place_or_a_whole_file():
    lines = [line for path in BAD.rglob("*expected") for line in path.read_text().splitlines()]

    assert all(": " in line for line in lines)
    assert sum(line.split(": ")[0].count(":") == 2 for line in lines) > 0.8 * len(lines)
