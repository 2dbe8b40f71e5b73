"""How often an experiment is tried: what `trials` may say, and what it can never prove."""

import pytest

from chaoskit.errors import InputError
from chaoskit.model.experiment import Claim, TrialPlan
from chaoskit.plan.report import Report
from chaoskit.plan.tree import Node, child
from chaoskit.plan.trials import overridden, read_trials, spares
from chaoskit.plan.yamltree import read_tree


def block(tmp_path, text: str) -> tuple[Node | None, Report]:
    path = tmp_path / "x.yaml"
    path.write_text(f"block: {{trials: {text}}}\n", encoding="utf-8")
    report = Report("x.yaml")
    return child(read_tree(path, report), "block"), report


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("merge", TrialPlan(name="merge", runs=22, allow=1)),
        ("{plan: nightly}", TrialPlan(name="nightly", runs=46, allow=1)),
        ("{runs: 12, allow: 1}", TrialPlan(name="12 runs, 1 may miss", runs=12, allow=1)),
        (
            "{quantile: 0.9, confidence: 0.95}",
            TrialPlan(name="29 runs, 0 may miss", runs=29, claim=Claim(share=0.9)),
        ),
        (
            "{quantile: 90%, confidence: 90%}",
            TrialPlan(name="22 runs, 0 may miss", runs=22, claim=Claim(share=0.9, confidence=0.9)),
        ),
        (
            "{quantile: 0.95, allow: 1}",
            TrialPlan(name="93 runs, 1 may miss", runs=93, allow=1, claim=Claim(share=0.95)),
        ),
        (
            "{runs: 30, quantile: 0.9}",
            TrialPlan(name="30 runs, 0 may miss", runs=30, claim=Claim(share=0.9)),
        ),
        (
            "{until: decided, max: 60}",
            TrialPlan(
                name="until decided, at most 60 runs",
                runs=60,
                claim=Claim(share=0.9),
                until_decided=True,
            ),
        ),
        (
            "{until: decided, max: 40, quantile: 0.8}",
            TrialPlan(
                name="until decided, at most 40 runs",
                runs=40,
                claim=Claim(share=0.8),
                until_decided=True,
            ),
        ),
    ],
)
def test_what_trials_may_say(tmp_path, text, plan):
    written, report = block(tmp_path, text)

    assert read_trials(written, report) == plan
    assert report.problems == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{runs: 20, quantile: 0.9}",
            "too few trials: 20 trials with 0 allowed to miss prove 86 % of cases at most; "
            "90 % takes 29",
        ),
        (
            "{until: decided, max: 31}",
            "too few trials: 31 trials are never enough to decide about 90 % of cases with "
            "95 % confidence; without a miss it takes 32",
        ),
        ("{until: decided}", "trials goes on until decided, and has no max"),
        ("{until: decided, max: 60, allow: 1}", "allow is for a fixed plan"),
        ("{runs: 5, max: 60}", "max is only for {until: decided}"),
        ("{confidence: 0.95, runs: 5}", "confidence in what? quantile is missing"),
        ("{quantile: 1.0}", "'1.0' can never be proven"),
        ("{quantile: often}", "'often' can never be proven"),
        ("{plan: merge, quantile: 0.9}", "trials has a plan and numbers of its own"),
        ("{allow: 1}", "trials says not how many"),
        ("{runs: 2, allow: 2}", "nothing could fail"),
    ],
)
def test_what_can_never_be_proven_is_refused(tmp_path, text, message):
    written, report = block(tmp_path, text)
    read_trials(written, report)

    assert message in report.problems[0].message
    assert report.problems[0].line == 1


ASKED = TrialPlan(name="29 runs, 0 may miss", runs=29, claim=Claim(share=0.9))
SEQUENTIAL = TrialPlan(name="x", runs=60, claim=Claim(share=0.9), until_decided=True)


@pytest.mark.parametrize("plan", [ASKED, SEQUENTIAL])
def test_the_command_line_cannot_ask_for_fewer_trials_than_the_claim_takes(plan):
    with pytest.raises(InputError, match="--trials: too few trials"):
        overridden(plan, 5)


def test_the_command_line_may_ask_for_more():
    assert overridden(ASKED, 40).runs == 40
    assert overridden(SEQUENTIAL, 100).name == "until decided, at most 100 runs"
    assert overridden(ASKED, None) is ASKED


@pytest.mark.parametrize(
    ("runs", "spare"), [(1, 0), (3, 0), (4, 1), (5, 1), (22, 5), (46, 10), (93, 19)]
)
def test_a_fifth_of_the_trials_may_be_made_again(runs, spare):
    assert spares(runs) == spare
