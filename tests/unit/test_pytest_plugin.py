"""The pytest plugin, as a user's own test suite meets it: real pytest processes, without an engine."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from chaoskit.pytest_plugin import matches

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

# Stands in for the engine: every run comes to the verdict that the experiment's file is named after.
STAND_IN = """
from dataclasses import replace
from pathlib import Path
from chaoskit.api.experiments import Experiment
from chaoskit.api.result import result_of
from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.journal import Anchor, ExperimentJudgement, Journal
from chaoskit.model.verdict import Verdict
from chaoskit.pipeline import Finished
from chaoskit.plan.compile import compile_plan
from chaoskit.pytest_plugin import outcomes
from chaoskit.run.folder import RunFolder
from chaoskit.run.records import record_of

def pytest_configure(config):
    config.stash[outcomes._engine] = ""

def run(self, *, trials, seed, reports, progress):
    one = self.checked
    spec = self.targets.load(one.target)
    plan = compile_plan([one], {one.target: spec}, seed=seed, trials=trials)
    word = self.name.rpartition("/")[2].replace("-", "_")
    left = word == "left_behind"
    judgement = None
    if word in list(Verdict):
        verdict = Verdict(word)
        judgement = ExperimentJudgement(
            verdict=verdict, passed=verdict.good, sentence=f"{word}: it took 4.2 s, budget 3s"
        )
    record = replace(record_of(plan.experiments[0], spec), judgement=judgement)
    journal = Journal(
        run_id="stand-in", chaoskit="0", command=f"chaoskit run {one.path} --seed {seed}", seed=seed,
        anchor=Anchor(wall="", wall_ns=0, mono_ns=0), ended_wall="now", experiments=(record,),
        left_behind=("hang of web-1; lift it with: chaoskit recover reports/stand-in",) if left else (),
        trouble="the target did not start" if word == "unfit" else "",
        trouble_exit=4 if word == "unfit" else None,
        exit_code=0,
    )
    return result_of(Finished(journal=journal, folder=RunFolder(reports / "stand-in")), one.name)

Experiment.run = run
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """A suite with one target and no engine."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    for name in ("CI", "PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        monkeypatch.delenv(name, raising=False)
    for name in ("restart-policy", "redis-restart"):
        shutil.copytree(ROOT / "targets" / name, pytester.path / "targets" / name)
    (pytester.path / "experiments").mkdir()
    pytester.makeini("[pytest]\nchaos_files = experiments/**/*.yaml\nfilterwarnings = error\n")
    return pytester


def add(suite, *names, target="restart-policy", experiment="restart-policy/crash"):
    text = (ROOT / "experiments" / f"{experiment}.yaml").read_text()
    folder = suite.path / "experiments" / target
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text(text)


def run(suite, *arguments):
    quick = ("-p", "no:hypothesispytest", "-p", "no:rerunfailures")
    return suite.runpytest_subprocess(*arguments, *quick, timeout=200)


def ids(result):
    return [line for line in result.outlines if "::" in line]


def test_the_plugin_is_found_by_its_entry_point():
    (found,) = entry_points(group="pytest11", name="chaoskit")

    assert found.value == "chaoskit.pytest_plugin"


def test_it_imports_nothing_heavy_when_pytest_starts():
    program = (
        "import sys, pytest\nbefore = set(sys.modules)\nimport chaoskit.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["chaoskit", "chaoskit.pytest_plugin"]


def test_nothing_is_collected_and_nothing_is_said_unless_asked(suite):
    suite.makeini("[pytest]\n")
    add(suite, "crash")
    suite.makepyfile("def test_plain(): pass")
    result = run(suite)

    result.assert_outcomes(passed=1)
    assert "chaos:" not in result.stdout.str()


def test_experiments_are_collected_as_tests_in_the_order_of_their_files(suite):
    add(suite, "b", "a")
    result = run(suite, "--collect-only", "-q")

    assert ids(result) == [
        "experiments/restart-policy/a.yaml::a",
        "experiments/restart-policy/b.yaml::b",
    ]


def test_a_file_that_is_named_is_collected_without_a_glob(suite):
    suite.makeini("[pytest]\n")
    add(suite, "crash")
    result = run(suite, "--collect-only", "-q", "experiments/restart-policy/crash.yaml")

    assert ids(result) == ["experiments/restart-policy/crash.yaml::crash"]


def test_a_named_file_that_is_no_experiment_is_left_alone(suite):
    result = run(suite, "targets/restart-policy/compose.yaml", "--collect-only", "-q")

    assert not ids(result)


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("experiments/**/*.yaml", True),
        ("experiments/*", True),
        ("experiments/shop/crash.yaml", True),
        ("**/crash.yaml", True),
        ("experiments/**/*.chaos.yaml", False),
        ("other/**", False),
    ],
)
def test_globs_of_paths_go_into_folders(glob, found):
    assert matches("experiments/shop/crash.yaml", glob) is found


def test_k_and_m_choose_by_name_target_tag_and_marker(suite):
    add(suite, "crash")
    add(suite, "lost", target="redis-restart", experiment="redis-restart/crash-with-appendonly")
    chosen = run(
        suite, "--collect-only", "-q", "-m", "chaos", "-k", "lost or (smoke and restart-policy)"
    )
    none = run(suite, "--collect-only", "-q", "-m", "not chaos")

    assert ids(chosen) == [
        "experiments/redis-restart/lost.yaml::lost",
        "experiments/restart-policy/crash.yaml::crash",
    ]
    assert not ids(none)


def test_a_broken_experiment_is_one_clear_error_with_its_line(suite):
    add(suite, "crash")
    file = suite.path / "experiments" / "restart-policy" / "crash.yaml"
    file.write_text(file.read_text().replace("service: web", "service: wbe"))
    result = run(suite)
    text = result.stdout.str()

    result.assert_outcomes(errors=1)
    assert "crash.yaml:28" in text
    assert "no service named 'wbe'" in text
    assert "did you mean 'web'" in text
    assert "Traceback" not in text


def test_without_an_engine_it_is_a_loud_skip(suite, monkeypatch):
    add(suite, "crash")
    suite.makepyfile(
        "import pytest\n@pytest.mark.chaos(target='restart-policy')\ndef test_live(chaos): pass"
    )
    monkeypatch.setenv("CI", "false")
    result = run(suite)

    result.assert_outcomes(skipped=2)
    text = result.stdout.str()
    assert "2 chaos tests were SKIPPED, and nothing was proven" in text
    assert "unix:///nowhere.sock" in text


@pytest.mark.parametrize("how", ["CI", "--chaos-required"])
def test_without_an_engine_it_fails_where_that_must_not_go_unseen(suite, monkeypatch, how):
    add(suite, "crash")
    suite.makepyfile(
        "import pytest\n@pytest.mark.chaos(target='restart-policy')\ndef test_live(chaos): pass"
    )
    if how == "CI":
        monkeypatch.setenv("CI", "true")
    result = run(suite, *([how] if how != "CI" else []))

    result.assert_outcomes(errors=2)
    assert result.ret == 1
    assert "no Docker engine answers" in result.stdout.str()


OUTCOMES = {
    "healed": "passed",
    "masked": "passed",
    "prevented": "passed",
    "not_healed": "failed",
    "too_slow": "failed",
    "data_lost": "failed",
    "wrong_healer": "failed",
    "over_budget": "failed",
    "baseline_not_met": "errors",
    "fault_not_applied": "errors",
    "observer_late": "errors",
    "too_few_trials": "errors",
    "interrupted": "errors",
    "harness_error": "errors",
    "lift_failed": "errors",
    "left_behind": "errors",
    "unfit": "errors",
}


def test_each_verdict_becomes_what_it_means(suite):
    suite.makeconftest(STAND_IN)
    add(suite, *(word.replace("_", "-") for word in OUTCOMES))
    result = run(suite, "--junitxml=junit.xml")
    found = {
        case.attrib["name"].replace("-", "_"): next(
            (kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None), ""
        )
        for case in ET.parse(suite.path / "junit.xml").iter("testcase")
    }
    words = {"passed": "", "failed": "failure", "errors": "error"}

    assert found == {name: words[outcome] for name, outcome in OUTCOMES.items()}
    counts = {kind: list(OUTCOMES.values()).count(kind) for kind in words}
    result.assert_outcomes(**counts)
    assert result.ret == 1


def test_an_xfail_excuses_the_system_and_not_us(suite):
    suite.makepyfile(
        """
        import pytest
        from chaoskit import Inconclusive, Missed
        from chaoskit.errors import LiftFailed

        pytestmark = [pytest.mark.chaos, pytest.mark.xfail]

        @pytest.fixture
        def lifted():
            yield
            raise LiftFailed("a rule is left")

        def test_weak(): raise Missed("too slow")
        def test_untold(): raise Inconclusive("nothing was seen")
        def test_left(): raise LiftFailed("a rule is left")
        def test_left_after(lifted): raise Missed("too slow")
        """
    )
    result = run(suite)

    result.assert_outcomes(xfailed=2, errors=3)
    assert result.ret == 1


def test_a_failure_is_one_block_with_place_sentence_report_and_repeat(suite):
    suite.makeconftest(STAND_IN)
    add(suite, "too-slow", "observer-late", "left-behind")
    result = run(suite, "--chaos-seed", "7", "--junitxml=junit.xml")
    text = result.stdout.str()

    place = "experiments/restart-policy/too-slow.yaml"
    assert f"{place}:28: restart-policy/too-slow: A crashed service" in text
    assert "FAILED: too_slow: it took 4.2 s, budget 3s" in text
    assert f"repeat: chaoskit run {place} --seed 7" in text
    assert "report: reports/stand-in/report.html" in text
    assert "INCONCLUSIVE: nothing was learnt about the system" in text
    assert "Traceback" not in text
    assert text.rindex("A FAULT OR A CONTAINER MAY BE LEFT BEHIND") > text.rindex("= chaos =")
    result.stdout.fnmatch_lines([f"FAILED {place}::too-slow - too_slow: *"])
    properties = {
        one.attrib["name"]: one.attrib["value"]
        for case in ET.parse(suite.path / "junit.xml").iter("testcase")
        if case.attrib["name"] == "too-slow"
        for one in case.iter("property")
    }
    assert properties["chaos_verdict"] == "too_slow"
    assert properties["chaos_seed"] == "7"


def test_lf_runs_only_what_failed(suite):
    suite.makeconftest(STAND_IN)
    add(suite, "healed", "too-slow", "observer-late")
    run(suite).assert_outcomes(passed=1, failed=1, errors=1)
    again = run(suite, "--lf")

    again.assert_outcomes(failed=1, errors=1)


def test_xdist_keeps_what_breaks_one_target_on_one_worker(suite):
    suite.makeconftest(STAND_IN)
    add(suite, "healed", "masked", "prevented")
    add(
        suite,
        "healed",
        "masked",
        target="redis-restart",
        experiment="redis-restart/crash-with-appendonly",
    )
    suite.makepyfile(
        "import pytest\n@pytest.mark.chaos(target='restart-policy')\ndef test_one(chaos_target_name): pass"
        "\n@pytest.fixture\ndef chaos(): pass\n"
        "@pytest.mark.chaos(target='restart-policy')\ndef test_two(chaos): pass"
    )
    result = run(suite, "-n", "2", "--dist", "loadgroup", "-v")
    workers = {}
    for line in result.outlines:
        if line.startswith("[gw") and "@chaos-" in line:
            group = line.rpartition("@")[2].strip()
            workers.setdefault(group, set()).add(line[1:4])

    result.assert_outcomes(passed=7)
    assert set(workers) == {"chaos-restart-policy", "chaos-redis-restart"}
    assert all(len(one) == 1 for one in workers.values()), result.outlines


def test_every_worker_uses_the_seed_that_the_header_shows(suite):
    suite.makeconftest(STAND_IN)
    add(suite, "healed", "masked", "prevented", "too-slow")
    result = run(suite, "-n", "2", "--junitxml=junit.xml")
    seeds = {
        one.attrib["value"]
        for one in ET.parse(suite.path / "junit.xml").iter("property")
        if one.attrib["name"] == "chaos_seed"
    }

    assert len(seeds) == 1
    assert f"--chaos-seed {seeds.pop()}" in result.stdout.str()


def test_a_fixture_without_a_target_says_how_to_name_one(suite):
    suite.makeconftest(STAND_IN)
    suite.makepyfile("def test_live(chaos): pass")
    result = run(suite)

    result.assert_outcomes(errors=1)
    assert "set chaos_target in the ini file" in result.stdout.str()
