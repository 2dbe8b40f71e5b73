"""A comparison in every format: the same words, safe whatever the names say, and the exit code."""

import json

import pytest
from click.testing import CliRunner

from chaoskit.cli import cli
from chaoskit.comparison import compare, side_of
from chaoskit.history import rows
from chaoskit.model import codec
from chaoskit.reporters import html_comparison, json_comparison, markdown_comparison
from chaoskit.run.folder import append_history
from tests.comparing import Beyond, made, run_of
from tests.unit.test_report_html import PAYLOADS, parse

FIVE = (1.00, 1.02, 0.98, 1.04, 1.01)
SLOW = tuple(one + 0.6 for one in FIVE)


@pytest.fixture
def two(tmp_path):
    """Folders of two runs, the second slower in one of its experiments."""

    def written(name, *experiments):
        folder = tmp_path / name
        folder.mkdir()
        text = codec.dump(run_of(*experiments, run_id=name))
        (folder / "journal.json").write_text(text, encoding="utf-8")
        return folder

    same = made("shop/same", recovery=FIVE, availability=(0.99,) * 5)
    return (
        written("a", made(recovery=FIVE), same, made("shop/gone", recovery=FIVE)),
        written("b", made(recovery=SLOW), same, made("shop/few", recovery=FIVE[:2])),
    )


def chaoskit(*arguments):
    return CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)


def test_the_terminal_has_every_experiment_and_the_headline_last(two):
    done = chaoskit("compare", *two)

    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == "✗ B is worse than A in 1 of 2 experiments."
    for words in ("shop/crash", "✗ slower", "= same", "only in A", "only in B", "+600 ms"):
        assert words in done.output


def test_a_regression_fails_only_when_asked_to(two):
    assert chaoskit("compare", *two, "--fail-on-regression").exit_code == 1
    assert chaoskit("compare", *reversed(two), "--fail-on-regression").exit_code == 0
    assert chaoskit("compare", two[0], two[0], "--fail-on-regression").exit_code == 0


def test_json_is_for_programs(two):
    done = chaoskit("compare", *two, "--json")
    document = json.loads(done.output)

    assert document["regression"] is True
    found = {one["name"]: one["verdict"] for one in document["experiments"]}
    assert found == {
        "shop/crash": "slower",
        "shop/same": "same",
        "shop/gone": "only in A",
        "shop/few": "only in B",
    }
    (row,) = document["experiments"][0]["measures"]
    assert row["verdict"] == "slower"
    assert row["shift"] == pytest.approx(0.6)
    assert row["method"] == "mann-whitney"


def test_a_baseline_file_stands_for_its_run(two, tmp_path):
    saved = tmp_path / "baseline.json"

    assert chaoskit("compare", two[0], "--save", saved).exit_code == 0
    assert chaoskit("compare", saved, two[1]).output == chaoskit("compare", *two).output


def test_files_are_written(two, tmp_path):
    markdown, html = tmp_path / "c.md", tmp_path / "c.html"
    chaoskit("compare", *two, "--markdown", markdown, "--html", html)

    assert markdown.read_text().startswith("## ✗ B is worse than A in 1 of 2 experiments.")
    tree = parse(html.read_text())
    tags = [tag for tag, _ in tree.seen]
    assert tags.count("h1") == 1
    assert tags.count("svg") == 3
    assert "script" not in tags
    assert not any(name in {"src", "href"} and "//" in (value or "")
                   for _, attributes in tree.seen for name, value in attributes.items())  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["{a}"], "there is nothing to compare", id="one run"),
        pytest.param(["{a}", "nowhere"], "does not exist", id="no run"),
        pytest.param(
            ["{a}", "{b}", "--html", "no/such/folder/x"], "cannot be written", id="no place"
        ),
    ],
)
def test_what_cannot_be_compared_is_told(two, arguments, message):
    from chaoskit.errors import InputError

    named = [one.format(a=two[0], b=two[1]) for one in arguments]
    with pytest.raises(InputError, match=message):
        chaoskit("compare", *named)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_cannot_become_markup(payload):
    before, after = made(payload, recovery=FIVE), made(payload, recovery=SLOW)
    comparison = compare(side_of(run_of(before)), side_of(run_of(after, run_id=payload)))
    page = html_comparison.render(comparison)
    text = markdown_comparison.render(comparison)

    plain = html_comparison.render(
        compare(
            side_of(run_of(made(recovery=FIVE))), side_of(run_of(made(recovery=SLOW), run_id="b"))
        )
    )
    assert [tag for tag, _ in parse(page).seen] == [tag for tag, _ in parse(plain).seen]
    assert "<script" not in text
    assert "<img" not in text
    json.loads(json_comparison.render(comparison))


def test_the_same_comparison_gives_the_same_page():
    before, after = made(recovery=FIVE), made(recovery=(*FIVE[:4], Beyond(30)))
    comparison = compare(side_of(run_of(before)), side_of(run_of(after, run_id="b")))

    assert html_comparison.render(comparison) == html_comparison.render(comparison)
    assert "4 of 5 trials ended" in html_comparison.render(comparison)
    assert "over 30 s" in html_comparison.render(comparison), (
        "in words, for whoever sees no drawing"
    )


def history_file(tmp_path, count):
    for number in range(count):
        recovery = FIVE if number < count - 10 else SLOW
        day = f"2026-01-{number + 1:02}T00:00:00Z"
        run = run_of(made(recovery=recovery), run_id=f"r{number:02}")
        for row in rows(run):
            append_history(tmp_path, {**row, "at": day, "verdict": "healed", "passed": True})
    return tmp_path / "history.jsonl"


def test_history_shows_states_and_changes(tmp_path):
    path = history_file(tmp_path, 25)
    done = chaoskit("history", path, "--expire-days", 36500)

    assert done.exit_code == 0
    assert "✓" * 10 in done.output
    assert "stable" in done.output
    assert "changed with run r15 (2026-01-16): 1.04 s before" not in done.output
    assert "changed with run r15 (2026-01-16): 1.01 s before, 1.61 s since" in done.output


def test_history_for_programs(tmp_path):
    done = chaoskit(
        *("history", history_file(tmp_path, 25), "--json", "--last", 3, "--expire-days", 36500)
    )
    (one,) = json.loads(done.output)["experiments"]

    assert one["state"] == "stable"
    assert [point["run"] for point in one["points"]] == ["r22", "r23", "r24"]
    assert [shift["run"] for shift in one["shifts"]] == ["r15"]


def test_an_empty_history_says_what_fills_it(tmp_path):
    path = tmp_path / "history.jsonl"
    path.touch()

    assert "chaoskit run" in chaoskit("history", path).output
