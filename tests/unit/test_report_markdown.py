"""summary.md: the verdict, a table that stays a table, and no markup of others."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from chaoskit.reporters import markdown
from tests.samples_builder import run, too_slow


def as_html(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_the_verdict_the_table_and_the_command_are_there():
    text = markdown.render(run().journal)

    assert text.startswith("## ? We cannot tell in 1 of 4 experiments")
    assert "| ✓ passed | A crashed proxy is restarted by the engine<br>" in text
    assert "**920 ms**<br>worst 1.19 s<br>≤ 2s ✓" in text
    assert "not healed (expected: not healed)" in text
    assert "```sh\nchaoskit run experiments --seed 4242 --trials 5\n```" in text


def test_it_renders_as_one_table():
    page = as_html(markdown.render(run().journal))

    assert page.count("<table>") == 1
    assert page.count("<tr>") == 5
    assert page.count("<td") == 4 * 7


def test_what_went_wrong_is_said_in_words_with_its_place():
    journal = replace(run().journal, experiments=(too_slow(),))
    text = markdown.render(journal)

    assert "Too slow in 3 of 5 trials" in text
    assert "crash-the-proxy.yaml:14" in text


@pytest.mark.parametrize(
    "payload",
    [
        "a | b | c",
        "`code` ``more``",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[link](javascript:alert(1))",
        "![image](http://evil.example/x.png)",
        "http://evil.example www.evil.example",
        "@everyone #1",
        "line\n\n# heading\n| x | y |",
        "**bold** _em_ ~~gone~~ $x$",
        "\x00\x1b[31m\u202e",
        "\\",
    ],
)
def test_text_of_others_cannot_become_markup(payload):
    journal = run().journal
    record = journal.experiments[3]
    judgement = replace(record.judgement, sentence=payload)
    poisoned = replace(record, title=payload, name=payload, judgement=judgement)
    page = as_html(markdown.render(replace(journal, experiments=(poisoned,), command=payload)))
    clean = as_html(markdown.render(replace(journal, experiments=(record,))))

    for tag in ("<script", "<img", "<a ", "<h1", "<del", "<em"):
        assert tag not in page
    for tag in ("<table", "<tr", "<td", "<strong", "<h2", "<pre"):
        assert page.count(tag) == clean.count(tag)


def test_mentions_and_addresses_stay_text():
    assert markdown.escape("@team http://x.example") == "&#64;team http&#58;//x.example"


def test_a_summary_fits_into_what_a_job_may_show():
    journal = run().journal
    many = tuple(
        replace(journal.experiments[i % 4], name=f"x/{i}", title="t" * 400) for i in range(3000)
    )
    text = markdown.render(replace(journal, experiments=many))

    assert len(text.encode()) < 1_000_000
    assert "see report.html" in text


def test_a_run_without_experiments_says_so():
    assert "nothing was learnt" in markdown.render(replace(run().journal, experiments=()))
