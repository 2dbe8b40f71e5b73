"""The pages of the faults say what the code does, because they are made of it: golden files.

`GOLDEN=overwrite pytest tests/unit/test_fault_pages.py` accepts the pages as they are now.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.errors import InputError
from chaoskit.faults.base import StruckFault, catalogue, make, parameters_of
from chaoskit.model.faults import FAMILIES
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.fault_manual import HEADINGS, comments, manual_of
from chaoskit.plan.fault_pages import example, page, pages, terminal
from chaoskit.plan.targets import TargetShelf

FOLDER = Path(__file__).parents[2] / "docs" / "faults"
NAMES = list(catalogue())


@pytest.fixture(scope="module")
def written():
    return pages()


def test_the_pages_are_what_the_code_says(written):
    if os.environ.get("GOLDEN") == "overwrite":
        FOLDER.mkdir(exist_ok=True)
        for path in FOLDER.glob("*.md"):
            path.unlink()
        for name, text in written.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}

    assert sorted(kept) == sorted(written)
    stale = [name for name, text in written.items() if kept[name] != text]
    assert stale == [], "run: GOLDEN=overwrite pytest tests/unit/test_fault_pages.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_says_everything_a_page_needs(name):
    manual = manual_of(catalogue()[name])

    assert manual.summary.endswith(".")
    assert list(manual.paragraphs) == list(HEADINGS)
    assert all(len(text) >= 5 for text in manual.paragraphs.values())
    assert manual.family in FAMILIES
    assert manual.family != "other"
    assert [one.name for one in manual.arguments if not one.meaning] == []
    assert manual.needs or manual.ways


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_a_fault_that_can_be_made_and_is_printed_as_it_is(name):
    manual = manual_of(catalogue()[name])
    (activity,) = yaml.safe_load("\n".join(example(manual)))

    assert activity["provider"]["arguments"] == manual.example
    assert make(name, manual.example).name == name
    assert manual.example["service"] == "web"


def test_every_fault_is_in_the_index_once(written):
    for name in NAMES:
        assert written["README.md"].count(f"]({name}.md)") == 1


@dataclass(frozen=True, kw_only=True)
class Melt(StruckFault):
    """Melt an instance.

    What: it flows.

    It drips, too.

    Mechanism: heat.

    Undo: none.

    Limits: ice.
    """

    name = "melt"
    family = "process"
    ways = ("torch", "sun")
    example: ClassVar = {"service": "web", "heat": "30%", "tools": ["a" * 60, "b" * 60]}

    heat: str = "5%"  # how hot it gets
    tools: list[str] | None = None  # what with | by whom
    within: str = "2s"
    deep: bool = (  # whether its inside melts too
        False
    )

    def operations(self, picked, site):
        return ()


def test_a_page_is_made_of_docstring_comments_and_example():
    manual = manual_of(Melt)

    assert manual.paragraphs["What"] == "It flows.\n\nIt drips, too."
    assert {one.name: one.kind for one in manual.arguments if one.name in parameters_of(Melt)} == {
        "service": "text",
        "heat": "share",
        "tools": "list of texts",
        "within": "duration",
        "deep": "true or false",
        "pick": "text",
        "seed": "whole number",
        "at": "duration",
    }
    assert manual.arguments[0].name == "service"
    assert comments(Melt) == {
        "heat": "how hot it gets",
        "tools": "what with | by whom",
        "deep": "whether its inside melts too",
    }
    text = page(manual)
    assert "- Through: `torch`, else `sun`" in text
    assert "| `tools` | list of texts | none | what with \\| by whom |" in text
    assert "| `deep` | true or false | `false` |" in text
    (activity,) = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert activity["provider"]["arguments"] == Melt.example


@pytest.mark.parametrize("width", [40, 100])
@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_shows_the_same_in_the_width_that_it_has(name, width):
    manual = manual_of(catalogue()[name])
    text = terminal(manual, width)
    prose = [line for line in text.split("\nArguments\n")[1].splitlines() if "(" not in line]

    assert all(len(line) <= width for line in prose)
    for one in manual.arguments:
        assert f"  {one.name} (" in text


def test_explain_prints_a_page_and_speaks_json():
    runner = CliRunner()
    text = runner.invoke(cli, ["explain", "hang"])
    data = json.loads(runner.invoke(cli, ["explain", "hang", "--json"]).output)

    assert text.exit_code == 0
    assert "How it is undone" in text.output
    assert data["name"] == "hang"
    assert {"name", "kind", "default", "required", "meaning"} == set(data["arguments"][0])


def test_explaining_a_fault_that_does_not_exist_suggests_one():
    done = CliRunner().invoke(cli, ["explain", "hnag"])

    assert isinstance(done.exception, InputError)
    assert "did you mean 'hang'?" in str(done.exception)


def test_the_example_of_the_overview_is_an_experiment_that_loads(tmp_path):
    text = (FOLDER.parent / "faults.md").read_text(encoding="utf-8")
    method = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])["method"]
    root = FOLDER.parents[1]
    document = yaml.safe_load((root / "experiments/replicated-web/hang-a-replica.yaml").read_text())
    path = tmp_path / "overview.yaml"
    path.write_text(yaml.safe_dump({**document, "method": method}))

    uses = load_experiment(path, TargetShelf(root / "targets")).faults
    assert [one.fault for one in uses] == ["latency", "crash"]
