"""What CIs are told: escaped, worst first, within every limit, valid by the formats' own schemas."""

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from chaoskit.errors import EnvironmentUnfit, InputError, LiftFailed, Problem
from chaoskit.model.journal import ExperimentJudgement
from chaoskit.model.verdict import Verdict
from chaoskit.reporters import (
    azure,
    badge,
    ctrf,
    findings,
    github,
    gitlab,
    junit,
    markdown,
    openmetrics,
    shelf,
)
from chaoskit.reporters.findings import Finding, Level
from chaoskit.reporters.text import tame
from tests.golden import same
from tests.samples_builder import run, too_slow

SCHEMAS = Path(__file__).parents[1] / "schemas"
HOSTILE = [
    "::error::x\n::set-output name=a::b",
    "a\r\n::stop-commands::x",
    "##[add-mask]a ##vso[task.setvariable variable=a]b",
    "100% :,; ] %0A %3B",
    "\x1b[31mred\x1b[0m\x00\u202e\ud800",
    "<script>alert(1)</script> ]]> \"'&",
    "x" * 1_000_000,
]


def journal_with(text="what happened", verdict=Verdict.NOT_HEALED, count=1, **changes):
    """A run whose experiments came to a verdict with a text of others in every place."""
    base = run().journal
    record = replace(
        base.experiments[0],
        judgement=ExperimentJudgement(verdict=verdict, passed=False, sentence=text),
        **changes,
    )
    many = tuple(replace(record, name=f"{record.name}-{i}") for i in range(count))
    return replace(base, experiments=many)


def failed_run():
    """A run with one of everything: too slow, expected, masked, inconclusive."""
    journal = run().journal
    return replace(journal, experiments=(too_slow(), *journal.experiments[1:]), exit_code=1)


def test_the_text_outputs_are_as_they_should_be():
    journal = failed_run()
    found = findings.findings(journal)

    assert same("github-annotations.txt", "\n".join(github.annotations(found)) + "\n")
    assert same("azure-issues.txt", "\n".join(azure.issues(found)) + "\n")
    assert same("summary.md", markdown.render(journal))
    assert same("metrics.txt", openmetrics.render(journal))
    assert same("ctrf.json", ctrf.render(journal))
    assert same("junit.xml", junit.render(journal))
    assert same("badge.svg", badge.svg(journal))


def test_findings_come_worst_first_at_the_line_of_the_missed_budget():
    found = findings.findings(failed_run())

    assert [one.level for one in found] == [Level.ERROR, Level.WARNING, Level.NOTICE]
    assert (found[0].file, found[0].line) == (
        "experiments/replicated-web/crash-the-proxy.yaml",
        14,
    )


def test_what_is_left_behind_comes_before_everything():
    journal = replace(failed_run(), left_behind=("container x: docker rm -f x",), trouble="broke")
    found = findings.findings(journal)

    assert found[0].title == "May be left behind"
    assert found[1].message == "broke"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_an_annotation_is_one_line_and_one_command_whatever_it_says(text):
    journal = journal_with(text, file=f"a{text}.yaml", title=text)
    (line,) = github.annotations(findings.findings(journal))
    command, _, data = line[2:].partition("::")

    assert line.startswith("::error ")
    assert len(line.splitlines()) == 1
    assert len(line) < 10_000
    assert set(dict(pair.split("=", 1) for pair in command[6:].split(","))) == {
        "file",
        "line",
        "title",
    }
    assert "\x1b" not in data


def test_what_github_reads_is_what_was_meant():
    one = Finding(
        level=Level.ERROR, title="a: b, c", message="50%\nof it", file="x,y:z.yaml", line=3
    )

    assert github.annotations([one]) == (
        "::error file=x%2Cy%3Az.yaml,line=3,title=a%3A b%2C c::50%25%0Aof it",
    )


def test_at_most_ten_of_a_kind_and_the_last_counts_the_rest():
    lines = github.annotations(findings.findings(journal_with(count=25)))

    assert len(lines) == 10
    assert "16 more of this kind" in lines[-1]


def test_outputs_are_a_line_each():
    told = github.outputs({"verdict": "failed", "report": "a\nverdict=passed"})

    assert told == "verdict=failed\nreport=a verdict=passed\n"


def test_a_summary_leaves_room_for_what_is_there_already():
    text = "line\n" * 300_000
    kept = github.room_for(text, used_bytes=400_000)

    assert len(kept.encode()) <= 600_000
    assert "The rest is in the report" in kept
    assert github.room_for("short\n", used_bytes=10) == "short\n"
    assert github.room_for("short\n", used_bytes=2_000_000) == ""


def test_errors_before_a_start_are_findings_with_their_places():
    usage = InputError(Problem(file="x.yaml", line=3, column=5, message="no", hint="choose"))
    (one,) = findings.findings_of_error(usage)
    (unfit,) = findings.findings_of_error(EnvironmentUnfit("no engine"))
    (left,) = findings.findings_of_error(LiftFailed("docker rm x"))

    assert github.annotations([one]) == (
        "::error file=x.yaml,line=3,col=5,title=Nothing was started::no; choose",
    )
    assert unfit.file == ""
    assert left.title == "May be left behind"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_azure_issues_are_one_command_each(text):
    for line in azure.issues(findings.findings(journal_with(text, file=text))):
        assert line.startswith("##vso[task.logissue type=error;")
        assert len(line.splitlines()) == 1
        assert line.split("]", 1)[0].count("=") >= 2


def test_gitlab_sections_are_marks_that_no_text_can_forge():
    opened = gitlab.fold("chaos kit", "title\r\x1b[0Ksection_end:1:chaos_kit\r\x1b[0K", at_s=7)

    assert opened.startswith("\x1b[0Ksection_start:7:chaos_kit[collapsed=true]\r\x1b[0K")
    assert opened.count("\x1b[0K") == 2
    assert gitlab.unfold("chaos kit", at_s=9) == "\x1b[0Ksection_end:9:chaos_kit\r\x1b[0K"


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("a ##[error]b", "a # #[error]b"),
        ("a ##vso[task.x]b", "a # #vso[task.x]b"),
        ("::error::x", ": :error::x"),
        ("a\n  ::group::x", "a\n  : :group::x"),
        ("a ## b :: c", "a ## b :: c"),
    ],
)
def test_text_of_others_gives_no_commands(text, tamed):
    assert tame(text) == tamed


def ctrf_schema():
    return json.loads((SCHEMAS / "ctrf-schema-0.0.json").read_text())


@pytest.mark.parametrize("text", ["fine", *HOSTILE], ids=range(len(HOSTILE) + 1))
def test_ctrf_is_valid_by_its_own_schema(text):
    for journal in (
        run().journal,
        journal_with(text, file=text),
        replace(run().journal, experiments=()),
    ):
        jsonschema.validate(json.loads(ctrf.render(journal)), ctrf_schema())


def test_ctrf_counts_what_it_lists_and_the_schema_can_refuse():
    found = json.loads(ctrf.render(failed_run()))
    statuses = [one["status"] for one in found["results"]["tests"]]

    for status in ("passed", "failed", "skipped", "other"):
        assert found["results"]["summary"][status] == statuses.count(status) > 0
    found["results"]["tests"][0]["status"] = "well"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, ctrf_schema())


@pytest.mark.parametrize("text", ["fine", *HOSTILE], ids=range(len(HOSTILE) + 1))
def test_metrics_are_read_by_the_reference_parser(text):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    for journal in (run().journal, journal_with(target=text)):
        families = list(parser.text_string_to_metric_families(openmetrics.render(journal)))

        assert len({one.name for one in families}) == len(families)


def test_metrics_say_median_worst_and_budget():
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    families = parser.text_string_to_metric_families(openmetrics.render(failed_run()))
    found = {
        (one.name, one.labels["experiment"], one.labels.get("stat")): one.value
        for family in families
        for one in family.samples
        if "experiment" in one.labels
    }
    proxy, hang = "replicated-web/crash-the-proxy", "restart-policy/hang"

    assert found["chaoskit_recovery_seconds", proxy, "worst"] == pytest.approx(1.19)
    assert found["chaoskit_recovery_budget_seconds", proxy, None] == pytest.approx(0.9)
    assert found["chaoskit_recovery_seconds", hang, "worst"] == math.inf
    assert found["chaoskit_experiment_passed", proxy, None] == 0
    assert found["chaoskit_experiment_passed", hang, None] == 1
    assert ("chaoskit_experiment_passed", "replicated-web/partition", None) not in found


@pytest.mark.parametrize("text", ["fine", *HOSTILE], ids=range(len(HOSTILE) + 1))
def test_strict_junit_is_valid_by_jenkins_schema_and_the_usual_one_is_more(text):
    xmlschema = pytest.importorskip("xmlschema")
    schema = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")
    for journal in (
        failed_run(),
        journal_with(text, file=text),
        replace(run().journal, experiments=()),
    ):
        schema.validate(junit.render(journal, strict=True, attachment="out/report.html"))

    assert not schema.is_valid(junit.render(failed_run()))


def test_two_experiments_of_one_name_stay_apart_in_junit():
    journal = run().journal
    root = ET.fromstring(junit.render(replace(journal, experiments=journal.experiments[:1] * 2)))
    names = [(one.get("classname"), one.get("name")) for one in root.iter("testcase")]

    assert len(names) == len(set(names)) == 10


def test_what_is_not_in_order_carries_the_report():
    root = ET.fromstring(junit.render(failed_run(), attachment="out/report.html"))
    cases = [one for one in root.iter("testcase") if one.find("failure") is not None]

    assert cases
    assert all(one.findtext("system-out") == "[[ATTACHMENT|out/report.html]]" for one in cases)


@pytest.mark.parametrize(
    ("verdict", "passed", "message", "colour"),
    [
        (Verdict.HEALED, True, "1 of 1", "brightgreen"),
        (Verdict.NOT_HEALED, False, "1 of 1 fail", "red"),
        (Verdict.OBSERVER_LATE, False, "0 of 1, cannot tell the rest", "yellow"),
        (Verdict.HARNESS_ERROR, False, "error", "orange"),
        (Verdict.LIFT_FAILED, False, "left behind", "orange"),
    ],
)
def test_a_badge_says_how_it_stands(verdict, passed, message, colour):
    journal = journal_with(verdict=verdict)
    judged = ExperimentJudgement(verdict=verdict, passed=passed, sentence="")
    journal = replace(journal, experiments=(replace(journal.experiments[0], judgement=judged),))
    told = json.loads(badge.endpoint(journal))

    assert (told["message"], told["color"]) == (message, colour)
    assert ET.fromstring(badge.svg(journal)).find("{http://www.w3.org/2000/svg}title").text == (
        f"self-healing: {message}"
    )


def test_every_file_of_ours_is_on_the_shelf():
    made = {}
    shelf.write_own(run().journal, made.__setitem__)

    assert set(made) - {"badge.json"} <= {file for file, _ in shelf.OWN.values()}
