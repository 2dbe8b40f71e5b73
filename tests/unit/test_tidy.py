"""The repository's own rules, so that nobody has to remember them."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from chaoskit.plan.targets import TargetShelf

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chaoskit"
MODULES = sorted(PACKAGE.rglob("*.py"))
SHELVES = ("faults", "probes", "measures", "reporters")


def tracked():
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_why_it_is_here_and_is_short(path):
    text = path.read_text()
    tree = ast.parse(text)
    lines = text.count("\n")

    assert not text.strip() or ast.get_docstring(tree), "a module needs a docstring"
    assert lines <= 400, f"{lines} lines: is it still one idea?"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_function_fits_on_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1

            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("folder", sorted((ROOT / "targets").iterdir()), ids=name_of)
def test_every_target_folder_is_whole(folder):
    assert {"compose.yaml", "target.yaml", "README.md"} <= {one.name for one in folder.iterdir()}
    assert list((ROOT / "experiments" / folder.name).glob("*.yaml")), "no experiment uses it"


def test_every_target_has_an_experiment_that_must_fail_or_a_healer_that_can_be_switched_off():
    for folder in sorted((ROOT / "targets").iterdir()):
        healers = TargetShelf(ROOT / "targets").load(folder.name).healers

        assert any(one.off for one in healers), folder.name


def test_no_image_tag_is_latest():
    for path in tracked():
        if path.name == "Dockerfile" or path.name.startswith("compose"):
            text = path.read_text()

            assert not re.search(r"(FROM|image:)\s+\S+:latest", text), name_of(path)


def test_no_machine_path_or_registry_is_committed():
    pattern = re.compile(r"/work/(main|shared|\.library)|/farm/|https?://(files\.)?pythonhosted")
    for path in tracked():
        if path.suffix in {".png", ".bin"} or path == Path(__file__):
            continue

        assert not pattern.search(path.read_text(errors="replace")), name_of(path)


def test_the_changelog_has_an_unreleased_section():
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text()


def test_decisions_are_short():
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        lines = [line for line in path.read_text().splitlines() if line.strip()]

        assert len(lines) <= 25, f"{path.name} has {len(lines)} lines"
