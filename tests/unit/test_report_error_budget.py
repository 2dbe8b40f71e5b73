"""The line about the error budget: in every report of a run that has a promise, and in no other."""

from dataclasses import replace
from io import StringIO

import pytest

from chaoskit.model.experiment import Slo
from chaoskit.model.journal import ErrorBudget
from chaoskit.reporters import html, markdown, terminal
from tests.samples_builder import run

SENTENCE = "this fault spends 1.0 % of a 99.9 % monthly error budget; it would not page"


def promised():
    made = run()
    first, *others = made.journal.experiments
    cost = ErrorBudget(
        objective=0.999,
        window_s=2_592_000.0,
        trials=5,
        spent_s=26.0,
        worst_s=27.0,
        share=0.01,
        affordable=99,
        page_needs_s=51.84,
        sentence=SENTENCE,
    )
    judged = replace(first.judgement, error_budget=cost)
    first = replace(first, judgement=judged, slo=Slo(objective=0.999))
    return replace(made, journal=replace(made.journal, experiments=(first, *others)))


def as_html(made):
    return html.render(made.journal, made.timeline_of, made.logs_of)


def as_text(made):
    stream = StringIO()
    terminal.show_summary(made.journal, None, stream)
    return stream.getvalue().replace("\n", " ")


def as_markdown(made):
    return markdown.render(made.journal)


@pytest.mark.parametrize("render", [as_html, as_text, as_markdown])
def test_the_cost_is_one_line(render, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")

    assert render(promised()).count(SENTENCE) == 1
    assert "error budget" not in render(run())


def test_the_costs_of_all_experiments_stand_side_by_side():
    page = as_html(promised())

    assert "What it costs of the promise to users" in page
    assert "<td>99.9 % in 30 days</td>" in page
    assert "<td>26 s</td><td>27 s</td><td>1 %</td><td>99</td><td>0 of 5</td>" in page
