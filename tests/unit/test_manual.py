"""The offline manual is whole: every mistake has a code, and everything with a name has a page."""

import ast
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.cli.messages import show_error
from chaoskit.errors import Exit, InputError, Problem
from chaoskit.manual.codes import CODES, OTHER, code_of, shown
from chaoskit.manual.exits import EXITS
from chaoskit.manual.pages import Page, names, pages
from chaoskit.manual.verdicts import LOOK
from chaoskit.model.verdict import Verdict

ROOT = Path(__file__).parents[2]
GOLDEN = sorted(
    [*(ROOT / "tests/bad").glob("*.expected"), *(ROOT / "tests/bad").glob("*/*/expected")]
)


def words_of(node):
    """A literal message, with a quoted word in each of its gaps."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "'x'" for part in node.values
        )
    return None


def literal_messages():
    """Every message about a file that is written where a mistake is found."""
    for path in sorted((ROOT / "chaoskit" / "plan").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            text = None
            if name in {"add", "_stop"} and len(node.args) >= 2:
                text = words_of(node.args[1])
            elif name == "Problem":
                text = next(
                    (words_of(key.value) for key in node.keywords if key.arg == "message"), None
                )
            said = re.findall(r"\w{2,}", (text or "").replace("'x'", ""))
            if text and len(said) >= 2 and said != ["is", "not"]:  # else gaps are all there is
                yield pytest.param(text, id=f"{path.name}:{node.lineno}")


@pytest.mark.parametrize("message", list(literal_messages()))
def test_every_message_about_a_file_has_a_code_of_its_own(message):
    assert code_of(Problem(file="x", message=message)) is not OTHER


def test_every_broken_file_of_the_corpus_gets_a_code_of_its_own():
    lines = [line for path in GOLDEN for line in path.read_text().splitlines()]

    assert len(lines) > 150
    assert [line for line in lines if "error[CK" not in line or OTHER.code in line] == []


def test_codes_are_given_once():
    codes = [one.code for one in (*CODES, OTHER)]

    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"CK\d{3}", one) for one in codes)


def test_a_mistake_is_told_with_place_code_and_hint():
    problem = Problem(
        file="a.yaml", line=3, column=7, message="unknown key 'x'", hint="leave it out"
    )

    assert shown(problem) == "a.yaml:3:7: error[CK101]: unknown key 'x'; leave it out"


def test_the_closing_line_names_the_page_that_says_more(capsys):
    show_error(InputError(Problem(file="a.yaml", message="the method has no action")))

    told = capsys.readouterr().err
    assert "1 error. Nothing was started. `chaoskit explain CK301` says more." in told


def test_validate_gives_codes_to_programs(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("titel: x\n")

    done = CliRunner().invoke(cli, ["validate", str(path), "--json"])

    assert done.exit_code == Exit.USAGE
    assert "CK101" in {one["code"] for one in json.loads(done.stdout)["problems"]}


@pytest.mark.parametrize("name", list(names()))
def test_everything_with_a_name_has_a_page(name):
    found = list(pages(name, 80))

    assert found
    for one in found:
        text = one.text(80) if isinstance(one, Page) else one
        assert len(text.splitlines()) >= 3
        assert max(map(len, text.splitlines())) <= 110


def test_verdicts_and_exit_codes_are_all_explained():
    assert set(LOOK) == set(Verdict)
    assert set(EXITS) == set(Exit)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("not-healed", "not_healed (verdict)"),
        ("NOT_HEALED", "not_healed (verdict)"),
        ("ck101", "CK101 (error)"),
        ("3", "inconclusive"),
        ("exit-codes", "130"),
        ("haproxy-check", "fall"),
        ("lost_writes", "upper bound"),
        ("crash", "SIGKILL"),
    ],
)
def test_what_explain_says(word, says):
    done = CliRunner().invoke(cli, ["explain", word])

    assert done.exit_code == 0
    assert says.lower() in done.stdout.lower()


def test_explain_suggests_the_nearest_name():
    done = CliRunner().invoke(cli, ["explain", "not_heald"])

    assert isinstance(done.exception, InputError)
    assert "did you mean 'not_healed'?" in str(done.exception)


def test_exit_codes_are_those_of_the_documents():
    page = (ROOT / "docs" / "verdicts.md").read_text()

    for one in Exit:
        assert re.search(rf"^\| (\d+, )?{int(one)}(, \d+)? \|", page, re.MULTILINE), one
