"""The repository's own rules, so that nobody has to remember them."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from chaoskit.cli import cli
from chaoskit.plan.targets import TargetShelf

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chaoskit"
MODULES = sorted(PACKAGE.rglob("*.py"))
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def tracked():
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def name_of(path):
    return str(path.relative_to(ROOT))


def pages():
    """What people read; tests/golden is what the program writes."""
    found = [path for path in tracked() if path.suffix == ".md"]
    return [path for path in found if path.parent.name != "golden"]


def links(page):
    """Each relative link of a page: as it is written, the path that it leads to, and its heading."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    for written in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", written):
            path, _, heading = written.partition("#")
            yield written, (page.parent / path).resolve() if path else page, heading


def headings(page):
    """The headings of a page as GitHub names them in links."""
    lines = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


def commands(page):
    """Every call of chaoskit on a page that names a command: the words after the program's name."""
    text = page.read_text(encoding="utf-8")
    spans = re.findall(r"`(?:\S*/)?chaoskit ([a-z][^`\n]*)`", FENCE.sub("", text))
    blocks = "\n".join(FENCE.findall(text))
    lines = re.findall(
        r"^\s*(?:\$ |- |(?:- )?run: )?(?:\S*/)?chaoskit ([a-z].*)$", blocks, re.MULTILINE
    )
    for call in [*spans, *lines]:
        yield re.split(r"\s+#|[|>;&]", call)[0].split()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_why_it_is_here_and_is_short(path):
    text = path.read_text()
    tree = ast.parse(text)
    lines = text.count("\n")

    assert not text.strip() or ast.get_docstring(tree), "a module needs a docstring"
    assert lines <= 310, f"{lines} lines: is it still one idea?"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_function_fits_on_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1

            assert lines <= 60, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("folder", sorted((ROOT / "targets").iterdir()), ids=name_of)
def test_every_target_folder_is_whole(folder):
    there = {one.name for one in folder.iterdir()}
    assert {"target.yaml", "README.md"} <= there
    assert {"compose.yaml", "manifests"} & there
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


def test_every_relative_link_leads_somewhere():
    for page in pages():
        for written, path, heading in links(page):
            assert path.exists(), f"{name_of(page)}: {written}"
            if heading and path.suffix == ".md":
                assert heading in headings(path), f"{name_of(page)}: {written}"


def test_every_page_is_linked_or_in_a_folder_that_is():
    linked = {path for page in pages() for _, path, _ in links(page) if path != page}

    for page in pages():
        here = {page, *page.parents} - {ROOT / "docs", ROOT, *ROOT.parents}
        assert here & linked or page == ROOT / "README.md", name_of(page)


def test_commands_and_options_in_the_documents_exist():
    for page in pages():
        for words in commands(page):
            found, there = cli, words
            while isinstance(found, click.Group) and there and there[0].islower():
                context = click.Context(found)
                found, there = found.get_command(context, there[0]), there[1:]
            assert found is not None, f"{name_of(page)}: chaoskit {' '.join(words)}"

            known = {name for one in found.get_params(click.Context(found)) for name in one.opts}
            asked = {word.partition("=")[0] for word in there if word.startswith("--")}
            assert asked <= known, f"{name_of(page)}: chaoskit {' '.join(words)}"


def test_the_rooms_and_layers_of_the_architecture_are_those_of_the_package():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^  (\w+(?:\.py|/)) ", text, re.MULTILINE))
    there = {one.name + "/" * one.is_dir() for one in PACKAGE.iterdir() if one.name[0] != "_"}

    assert told == {name for name in there if name.endswith((".py", "/"))}

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert "\n".join(layers) in text


def test_decisions_have_a_number_of_their_own_and_none_in_the_title():
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [path.name[:5] for path in paths] == [f"{n:04}-" for n in range(1, len(paths) + 1)]
    for path in paths:
        assert re.match(r"# \D", path.read_text(encoding="utf-8")), path.name


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, check=True, text=True)
    listed = [line.split()[0] for line in done.stdout.splitlines()]

    assert listed == re.findall(r"^([\w-]+):", text, re.MULTILINE)
    assert set(listed) == set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
