"""JUnit XML: well-formed whatever the texts say, unique names, and the right kind of trouble."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from chaoskit.model.journal import ExperimentJudgement
from chaoskit.model.verdict import Verdict
from chaoskit.reporters import junit
from tests.samples_builder import run, too_slow


def parsed(journal=None) -> ET.Element:
    return ET.fromstring(junit.render(journal or run().journal))


def case(root: ET.Element, classname: str, name: str) -> ET.Element:
    return root.find(f".//testcase[@classname='chaos.{classname}'][@name='{name}']")


def with_verdict(verdict: Verdict, **changes: object):
    journal = run().journal
    record = replace(
        journal.experiments[0],
        judgement=ExperimentJudgement(verdict=verdict, passed=False, sentence="what happened"),
        **changes,
    )
    return replace(journal, experiments=(record,))


def test_there_is_a_suite_for_each_experiment_and_a_case_for_each_budget():
    root = parsed()
    suites = root.findall("testsuite")

    assert [suite.get("name") for suite in suites] == [
        one.name for one in run().journal.experiments
    ]
    assert [len(suite.findall("testcase")) for suite in suites] == [5, 3, 3, 3]


def test_the_counts_add_up():
    root = parsed()

    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(root.get(key)) == len(root.findall(f".//{tag}"))
        assert sum(int(one.get(key)) for one in root.findall("testsuite")) == int(root.get(key))
    assert int(root.get("tests")) == len(root.findall(".//testcase"))


def test_names_are_unique():
    cases = [(one.get("classname"), one.get("name")) for one in parsed().iter("testcase")]

    assert len(cases) == len(set(cases))


def test_every_case_points_at_its_line():
    root = parsed()
    recovery = case(root, "replicated-web/crash-the-proxy", "recovery within 2s")

    assert all(one.get("file") and int(one.get("line")) > 0 for one in root.iter("testcase"))
    assert recovery.get("file") == "experiments/replicated-web/crash-the-proxy.yaml"
    assert recovery.get("line") == "14"
    assert recovery.get("time") == "1.190"


def test_a_missed_budget_is_a_failure_with_its_numbers():
    journal = replace(run().journal, experiments=(too_slow(),))
    root = parsed(journal)
    missed = case(root, "replicated-web/crash-the-proxy", "recovery within 900ms").find("failure")
    verdict = case(root, "replicated-web/crash-the-proxy", "the system heals").find("failure")

    assert missed.get("type") == "BudgetMissed"
    assert "worst 1.19 s, kept in 2 of 5 trials" in missed.text
    assert verdict.get("type") == "TooSlow"


def test_what_is_inconclusive_is_an_error_and_its_budgets_are_skipped():
    root = parsed()
    error = case(root, "replicated-web/partition", "the system heals").find("error")
    skipped = case(root, "replicated-web/partition", "recovery within 2s")

    assert error.get("type") == "Inconclusive"
    assert skipped.find("skipped") is not None


@pytest.mark.parametrize(
    ("verdict", "tag", "kind"),
    [
        (Verdict.NOT_HEALED, "failure", "NotHealed"),
        (Verdict.TOO_FEW_TRIALS, "error", "Inconclusive"),
        (Verdict.HARNESS_ERROR, "error", "HarnessError"),
        (Verdict.LIFT_FAILED, "error", "LiftFailed"),
    ],
)
def test_each_kind_of_trouble_has_its_element(verdict, tag, kind):
    root = parsed(with_verdict(verdict))
    said = case(root, "replicated-web/crash-the-proxy", "the system heals").find(tag)

    assert said.get("type") == kind
    assert said.get("message") == "what happened"


def test_an_expected_weakness_passes_with_a_note():
    root = parsed()
    cases = root.findall(".//testcase[@classname='chaos.restart-policy/hang']")

    assert cases[0].get("name") == "verdict is not healed"
    assert all(one.find("failure") is None and one.find("error") is None for one in cases)
    assert "as expected" in cases[0].findtext("system-out")
    assert "expected to be" in cases[1].findtext("system-out")


def test_a_weakness_that_is_gone_fails():
    root = parsed(with_verdict(Verdict.HEALED, expect=Verdict.NOT_HEALED))
    said = case(root, "replicated-web/crash-the-proxy", "verdict is not healed")

    assert said.find("failure").get("type") == "Healed"


def test_an_experiment_that_was_never_judged_is_an_error():
    journal = run().journal
    record = replace(journal.experiments[0], judgement=None, trials=())
    root = parsed(replace(journal, experiments=(record,), exit_code=None))

    assert root.find(".//error").get("type") == "Inconclusive"


def test_what_is_left_behind_is_an_error_of_the_run():
    journal = replace(run().journal, left_behind=("container x: docker rm -f x",))
    root = parsed(journal)

    assert "docker rm -f x" in root.find(".//error[@type='Run']").text


def test_a_run_without_experiments_is_an_error():
    root = parsed(replace(run().journal, experiments=()))

    assert root.get("errors") == "1"


@pytest.mark.parametrize(
    "payload",
    ["\x00\x1b[31mred\x1b[0m", "]]>", '"><failure/>', "\ud800\ufffe\u2028", "x" * 1_000_000],
)
def test_hostile_text_leaves_it_well_formed(payload):
    journal = run().journal
    record = replace(
        journal.experiments[3],
        name=f"a{payload}",
        file=f"b{payload}",
        judgement=ExperimentJudgement(
            verdict=Verdict.BASELINE_NOT_MET, passed=False, sentence=f"c{payload}"
        ),
    )
    text = junit.render(replace(journal, experiments=(record,), command=f"d{payload}"))
    root = ET.fromstring(text.encode())

    assert len(text) < 300_000
    assert root.find(".//failure") is None
    assert root.find(".//error").text.startswith("c")


def test_secrets_are_not_repeated():
    text = junit.render(replace(run().journal, command="chaoskit run --db-password=hunter2"))

    assert "hunter2" not in text
