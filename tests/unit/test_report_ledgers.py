"""What became of the writes: a line and a table in the reports of runs that kept a ledger."""

from dataclasses import replace

import pytest

from chaoskit.model import codec
from chaoskit.model.journal import LedgerFacts
from chaoskit.reporters import html, markdown
from chaoskit.reporters.ledgers import LEDGER_HEADS
from tests.samples_builder import run

FACTS = LedgerFacts(
    kind="redis",
    attempted=325,
    acked=306,
    refused=6,
    indeterminate=13,
    lost=202,
    recovered=10,
    duplicated=0,
    unexpected=0,
    lost_span_s=4.02,
    lost_first=(0, 1, 2),
)
UNREAD = LedgerFacts(
    kind="redis", attempted=9, acked=9, refused=0, indeterminate=0, note="<b>not</b> read back"
)


def kept(*facts):
    made = run()
    first, *others = made.journal.experiments
    trials = tuple(
        replace(one, judgement=replace(one.judgement, ledger=facts[number % len(facts)]))
        for number, one in enumerate(first.trials)
    )
    first = replace(first, ledger="redis", trials=trials)
    return replace(made, journal=replace(made.journal, experiments=(first, *others)))


def as_html(made):
    return html.render(made.journal, made.timeline_of, made.logs_of)


def as_markdown(made):
    return markdown.render(made.journal)


@pytest.mark.parametrize("render", [as_html, as_markdown])
def test_the_losses_are_told_in_a_line_and_each_trial_in_a_row(render):
    text = render(kept(FACTS))

    assert "1,010 of 1,530 acknowledged writes lost, at most 4.02 s of writes at a time" in text
    assert all(one in text for one in LEDGER_HEADS)
    assert text.count("306 of 325") == 5


@pytest.mark.parametrize("render", [as_html, as_markdown])
def test_a_ledger_that_was_not_read_back_says_so_without_becoming_markup(render):
    text = render(kept(FACTS, UNREAD))

    assert "nothing can be said of 2 trials: " in text
    assert "<b>not</b>" not in text


@pytest.mark.parametrize("render", [as_html, as_markdown])
def test_runs_without_a_ledger_do_not_mention_one(render):
    assert "acknowledged write" not in render(run())


def test_a_journal_with_a_ledger_comes_back_as_it_was_written():
    journal = kept(FACTS, UNREAD).journal

    assert codec.load(codec.dump(journal), source="journal.json") == journal
