"""`chaoskit ci`: the CI is recognised, the gate only ever adds, and nothing old or wrong is shown."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime

import pytest

from chaoskit import pipeline
from chaoskit.ci import gate as gates
from chaoskit.ci.platforms import Azure, GitHub, GitLab, Jenkins, Plain, platform_for
from chaoskit.ci.settings import Gate, Settings, read_settings
from chaoskit.ci.stage import COLLECTED, JUNIT, SUMMARY, Stage, exit_code, prepare
from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.history import History, Row
from chaoskit.model.journal import ExperimentJudgement, FaultRecord, Shard
from chaoskit.model.proof import ProofNote, ProofState
from chaoskit.model.verdict import Verdict
from chaoskit.request import Request
from chaoskit.run.folder import RunFolder
from chaoskit.trend import Freshness, trends
from tests.judging import journal, verdicts
from tests.samples_builder import run

GOOD = ExperimentJudgement(verdict=Verdict.HEALED, passed=True, sentence="It healed.")


def healed(name="shop/crash", trials=5, recovery_s=0.71, **fields):
    record = verdicts(*[Verdict.HEALED] * trials, recovery_s=recovery_s, name=name, **fields)
    return replace(record, judgement=fields.get("judgement", GOOD))


def breached(gate, *records, history=()):
    run_ = journal(*(records or (healed(),)), exit_code=0)
    return [one.title for one in gates.breaches(run_, history, gate)]


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"GITHUB_ACTIONS": "true", "CI": "true"}, GitHub),
        ({"GITLAB_CI": "true", "CI": "true"}, GitLab),
        ({"TF_BUILD": "True"}, Azure),
        ({"JENKINS_URL": "http://x/"}, Jenkins),
        ({"CI": "true"}, Plain),
        ({"GITHUB_ACTIONS": ""}, Plain),
        ({}, Plain),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_the_ci_is_recognised_by_its_variables(environ, kind):
    assert type(platform_for("auto", io.StringIO(), environ)) is kind


def test_a_named_ci_needs_no_variables():
    assert type(platform_for("gitlab", io.StringIO(), {"GITHUB_ACTIONS": "true"})) is GitLab
    assert type(platform_for("none", io.StringIO(), {"GITHUB_ACTIONS": "true"})) is Plain


@pytest.mark.parametrize(
    ("gate", "records", "titles"),
    [
        pytest.param(Gate(), [healed()], [], id="nothing is demanded"),
        pytest.param(Gate(min_experiments=2), [healed()], ["Too few experiments"], id="too few"),
        pytest.param(Gate(min_experiments=1), [healed()], [], id="enough"),
        pytest.param(
            Gate(min_experiments=1),
            [healed(judgement=replace(GOOD, verdict=Verdict.OBSERVER_LATE, passed=False))],
            ["Too few experiments"],
            id="inconclusive ones do not count",
        ),
        pytest.param(Gate(min_trials=6), [healed()], ["shop/crash: too few trials"], id="trials"),
        pytest.param(
            Gate(require_faults=("crash", "hang")),
            [healed(faults=(FaultRecord(fault="crash", service="web"),))],
            ["Required fault hang was not tried"],
            id="a fault",
        ),
        pytest.param(
            Gate(require_targets=("shop", "bank")),
            [healed()],
            ["Required target bank was not tried"],
            id="a target",
        ),
        pytest.param(
            Gate(min_margin=0.3),
            [healed()],
            ["shop/crash: little margin in recovery"],
            id="27 % left",
        ),
        pytest.param(Gate(min_margin=0.25), [healed()], [], id="27 % left is enough"),
        pytest.param(Gate(fail_on=("unproven",)), [healed()], ["shop/crash: unproven"], id="proof"),
        pytest.param(
            Gate(fail_on=("unproven",)),
            [healed(proof=ProofNote(state=ProofState.PROVEN, reason=""))],
            [],
            id="proven",
        ),
        pytest.param(
            Gate(fail_on=("masked",)),
            [healed(judgement=replace(GOOD, verdict=Verdict.MASKED))],
            ["shop/crash: masked"],
            id="masked",
        ),
        pytest.param(
            Gate(fail_on=("known-weakness",), max_known_weaknesses=0),
            [healed(judgement=replace(GOOD, verdict=Verdict.NOT_HEALED))],
            ["shop/crash: known-weakness", "Too many known weaknesses"],
            id="weakness",
        ),
    ],
)
def test_a_gate_demands(gate, records, titles):
    assert breached(gate, *records) == titles


def test_a_shard_is_not_asked_what_only_the_whole_suite_can_answer():
    gate = Gate(
        min_experiments=9, require_faults=("hang",), require_targets=("bank",), min_trials=9
    )
    part = journal(healed(), shard=Shard(index=1, of=2, suite=("shop/crash", "shop/hang")))

    assert [one.title for one in gates.breaches(part, (), gate)] == ["shop/crash: too few trials"]
    assert len(gates.breaches(replace(part, shard=None), (), gate)) == 4


def at(day, passed=True, recovery=1.0):
    return Row(
        run=f"r{day}",
        at=f"2026-01-{day:02}T00:00:00Z",
        experiment="shop/crash",
        verdict=Verdict.HEALED if passed else Verdict.NOT_HEALED,
        passed=passed,
        measures={"recovery": (recovery,)},
    )


@pytest.mark.parametrize(
    ("word", "rows"),
    [
        ("flaky", [at(day, passed=day % 2 == 0) for day in range(1, 9)]),
        ("slower", [*[at(day) for day in range(1, 9)], at(9, recovery=3.0)]),
        ("expired", [at(1), at(2)]),
    ],
)
def test_a_gate_looks_at_the_history(word, rows):
    now = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
    fresh = Freshness(now=now) if word == "expired" else None
    found = trends(History(rows=tuple(rows)), fresh=fresh)

    assert breached(Gate(fail_on=(word,)), history=found) == [f"shop/crash: {word}"]
    assert breached(Gate(), history=found) == []


def test_what_the_history_says_is_a_warning_unless_a_gate_makes_it_an_error():
    rows = tuple(at(day, passed=day % 2 == 0) for day in range(1, 9))
    run_, found = journal(healed()), trends(History(rows=rows))

    assert [one.title for one in gates.warnings(run_, found, Gate())] == ["shop/crash: flaky"]
    assert gates.warnings(run_, found, Gate(fail_on=("flaky",))) == ()


@pytest.mark.parametrize(
    ("own", "breaches", "exit_zero", "code"),
    [
        (0, 0, False, 0),
        (0, 1, False, 1),
        (1, 0, False, 1),
        (3, 1, False, 3),
        (1, 1, True, 0),
        (3, 0, True, 0),
        (0, 1, True, 0),
        (4, 0, True, 4),
        (6, 1, True, 6),
        (7, 1, True, 7),
        (143, 0, True, 143),
        (None, 0, True, 6),
    ],
)
def test_a_gate_only_adds_and_exit_zero_hides_no_fault_of_ours(own, breaches, exit_zero, code):
    told = gates.breaches(journal(healed()), (), Gate(min_experiments=2))[:breaches]

    assert exit_code(journal(exit_code=own), told, exit_zero=exit_zero) == code


SETTINGS = """
[ci]
paths = ["experiments/shop"]
trials = 5
gate = "merge"
expire_days = 7

[gate.merge]
fail_on = ["flaky"]
min_margin = "20%"
require_faults = ["crash"]
"""


def settings_of(tmp_path, text, gate=None, fail_on=()):
    path = tmp_path / "chaoskit.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_settings(path, gate, fail_on)


def test_settings_are_read_and_the_command_line_adds(tmp_path):
    found = settings_of(tmp_path, SETTINGS, fail_on=("slower,masked", "flaky"))

    assert [str(one) for one in found.paths] == ["experiments/shop"]
    assert (found.trials, found.expire_days) == (5, 7)
    assert found.gate.fail_on == ("flaky", "slower", "masked")
    assert (found.gate.name, found.gate.min_margin, found.gate.line) == ("merge", 0.2, 8)


def test_without_a_file_nothing_is_demanded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert read_settings(None, None) == Settings()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[ci]\ntrails = 5\n", 2, "did you mean 'trials'"),
        ("[ci]\ntrials = 0\n", 2, "a whole number of at least 1"),
        ("[ci]\ntrials = true\n", 2, "found true"),
        ("[gate.merge]\nfail_on = ['flakey']\n", 2, "did you mean 'flaky'"),
        ("[gate.merge]\n\nmax_failures = 3\n", 3, "unknown key 'max_failures'"),
        ("[gate.merge]\nmin_margin = '200%'\n", 2, "share between 0 and 1"),
        ("[ci]\ngate = 'merge'\n[gate.merg]\n", 2, "did you mean 'merg'"),
        ("[ci]\ngate = \n", 2, "broken TOML"),
        ("[ci\n", 1, "broken TOML"),
        ("[ci]\na = '''\n", 3, "broken TOML"),
        ("[other]\n", 1, "unknown key 'other'"),
        (b"[ci]\n# caf\xe9\n", 2, "not UTF-8"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_line(tmp_path, text, line, said):
    with pytest.raises(InputError) as caught:
        settings_of(tmp_path, text)
    (problem,) = caught.value.problems

    assert problem.line == line
    assert said in str(problem)


@pytest.mark.parametrize(
    ("fail_on", "said"),
    [(("flakey",), "did you mean 'flaky'"), (("inconclusive",), "always fails a run, with exit 3")],
)
def test_a_condition_that_is_none_is_refused(tmp_path, fail_on, said):
    with pytest.raises(InputError, match=said):
        settings_of(tmp_path, SETTINGS, fail_on=fail_on)


def test_a_gate_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"there is no gate 'nightly'; .*merge"):
        settings_of(tmp_path, SETTINGS, gate="nightly")
    with pytest.raises(InputError, match=r"write a table \[gate.nightly\]"):
        settings_of(tmp_path, "", gate="nightly")


@pytest.fixture
def finished(tmp_path):
    """A run on disk with its reports."""
    folder = RunFolder.create(tmp_path / "reports", "r1")
    told = run().journal
    folder.write_journal(told)
    pipeline.render(told, folder)
    return pipeline.Finished(journal=told, folder=folder)


def told_by(finished, tmp_path, name, environ=None, **changes):
    stream = io.StringIO()
    stage = Stage(
        request=Request(reports=tmp_path / "reports"),
        settings=Settings(out=tmp_path / "out", **changes),
        platform=platform_for(name, stream, environ or {}),
    )
    prepare(tmp_path / "out")
    return stage.tell(finished), stream.getvalue()


def test_github_gets_a_summary_outputs_and_annotations(finished, tmp_path):
    environ = {
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    code, log = told_by(finished, tmp_path, "github", environ)
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())

    assert code == 3
    assert (tmp_path / "summary").read_text().startswith("## ? We cannot tell in 1 of 4")
    assert (outputs["verdict"], outputs["exit_code"]) == ("inconclusive", "3")
    assert (outputs["experiments"], outputs["inconclusive"]) == ("4", "1")
    assert float(outputs["worst_recovery_seconds"]) == 1.19
    assert "::warning file=experiments/replicated-web/partition.yaml," in log


def test_on_github_text_of_others_stands_where_no_command_is_obeyed(finished, tmp_path):
    _, log = told_by(finished, tmp_path, "github")
    lines = log.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    end = lines.index(f"::{token}::")

    assert len(token) == 32
    assert any("replicated-web/partition" in line for line in lines[1:end])
    assert all(
        line.startswith(("::warning ", "::notice ", "::error ")) for line in lines[end + 1 :]
    )


def test_azure_gets_issues_a_summary_and_variables(finished, tmp_path):
    _, log = told_by(finished, tmp_path, "azure")

    assert "##vso[task.logissue type=warning;sourcepath=experiments/replicated-web/partition" in log
    assert f"##vso[task.uploadsummary]{tmp_path}/out/summary.md" in log
    assert "##vso[task.setvariable variable=chaoskit_verdict;isOutput=true]inconclusive" in log


@pytest.mark.parametrize("name", ["gitlab", "jenkins", "none"])
def test_others_get_files_and_no_commands(finished, tmp_path, name):
    _, log = told_by(finished, tmp_path, name)

    assert "##" not in log
    assert "::" not in log
    assert {one.name for one in (tmp_path / "out").iterdir()} == {*COLLECTED, SUMMARY, JUNIT}
    assert json.loads((tmp_path / "out" / "ctrf.json").read_text())["runId"]


@pytest.mark.parametrize(
    ("name", "reference"),
    [("gitlab", "{out}/report.html"), ("jenkins", "{out}/report.html"), ("github", "")],
)
def test_tests_that_are_not_in_order_refer_to_the_report(finished, tmp_path, name, reference):
    told_by(finished, tmp_path, name)
    text = (tmp_path / "out" / JUNIT).read_text()

    assert ("[[ATTACHMENT|" in text) is bool(reference)
    assert reference.format(out=tmp_path / "out") in text


def test_strict_junit_is_made_on_demand(finished, tmp_path):
    told_by(finished, tmp_path, "none")
    usual = (tmp_path / "out" / JUNIT).read_text()
    stage = Stage(
        request=Request(reports=tmp_path / "reports"),
        settings=Settings(out=tmp_path / "out"),
        platform=platform_for("none", io.StringIO(), {}),
        junit_strict=True,
    )
    stage.tell(finished)

    assert ' file="' in usual
    assert ' file="' not in (tmp_path / "out" / JUNIT).read_text()


def test_a_gate_is_told_in_every_place(finished, tmp_path):
    journal_ = replace(finished.journal, experiments=finished.journal.experiments[:1], exit_code=0)
    finished = replace(finished, journal=journal_)
    code, log = told_by(
        finished,
        tmp_path,
        "github",
        gate=Gate(name="merge", file="chaoskit.toml", line=7, min_trials=9),
    )

    assert code == 1
    assert "replicated-web/crash-the-proxy%3A too few trials::5 valid trials" in log
    assert 'type="GateNotPassed"' in (tmp_path / "out" / JUNIT).read_text()
    assert "exit 1 where the run's own is 0: the gate is not passed" in log
    assert "The gate is not passed: 1 demand not met" in (tmp_path / "out/summary.md").read_text()


def test_what_an_earlier_run_left_is_taken_away(tmp_path):
    for name in (*COLLECTED, SUMMARY, JUNIT, "mine.txt"):
        (tmp_path / name).write_text("old")
    prepare(tmp_path)
    prepare(tmp_path / "new" / "folder")

    assert sorted(one.name for one in tmp_path.iterdir()) == ["mine.txt", "new"]


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_started(tmp_path):
    (tmp_path / "file").write_text("")
    stage = Stage(
        request=Request(),
        settings=Settings(out=tmp_path / "file" / "out"),
        platform=platform_for("none", io.StringIO(), {}),
    )
    for go in (stage.run, lambda: stage.join([tmp_path])):
        with pytest.raises(EnvironmentUnfit, match="--out names another folder"):
            go()


def test_a_summary_that_cannot_be_written_costs_no_verdict(finished, tmp_path):
    code, log = told_by(
        finished, tmp_path, "github", {"GITHUB_STEP_SUMMARY": "/proc/x", "GITHUB_OUTPUT": "/proc/y"}
    )

    assert code == 3
    assert log.count("cannot be written") == 2


@pytest.mark.parametrize("content", [b"\xff\n{torn", b"{}\n[]\n"], ids=["torn", "no rows"])
def test_a_history_that_cannot_be_read_costs_its_trends_only(finished, tmp_path, content):
    (tmp_path / "reports" / "history.jsonl").write_bytes(content)

    assert told_by(finished, tmp_path, "none")[0] == 3


@pytest.mark.parametrize(("word", "code"), [("flaky", 1), ("masked", 0)])
def test_a_gate_that_asks_a_history_which_cannot_be_read_is_not_passed(
    finished, tmp_path, word, code
):
    (tmp_path / "reports" / "history.jsonl").write_bytes(b'{"schema": 1, "run": "r1"')
    good = replace(finished.journal, experiments=finished.journal.experiments[:1], exit_code=0)
    told, log = told_by(
        replace(finished, journal=good), tmp_path, "none", gate=Gate(fail_on=(word,))
    )

    assert told == code
    assert "history.jsonl:1 is skipped: it ends in the middle" in log
    assert ("The history cannot be read: whether an experiment is flaky" in log) is bool(code)


def test_a_history_shows_in_the_summary(finished, tmp_path):
    for day in range(1, 9):
        earlier = replace(
            finished.journal,
            run_id=f"r{day}",
            anchor=replace(finished.journal.anchor, wall=f"2026-04-0{day}T00:00:00+00:00"),
        )
        pipeline.remember(earlier, tmp_path / "reports")
    pipeline.remember(finished.journal, tmp_path / "reports")
    told_by(finished, tmp_path, "none", expire_days=1e6)
    text = (tmp_path / "out" / SUMMARY).read_text()

    assert "### Over time" in text
    assert "| replicated-web/crash-the-proxy | stable |" in text
    assert text.count("▇") + text.count("█") >= 9


def test_the_command_names_files_from_the_root_of_the_repository(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "chaoskit.toml").write_text("[ci]\ntrails = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "chaoskit", "ci"],
        cwd=tmp_path / "sub",
        env={**os.environ, "GITHUB_ACTIONS": "true"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 2
    assert done.stdout.startswith("::error file=sub/chaoskit.toml,line=2,col=1,title=")
    assert "did you mean 'trials'" in done.stdout
