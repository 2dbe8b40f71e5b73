"""Experiment files that are right, and what becomes of them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaoskit.errors import InputError, NothingSelected
from chaoskit.model.experiment import Budget, Phases, Probing, TrialPlan
from chaoskit.model.verdict import Verdict
from chaoskit.plan.discover import find
from chaoskit.plan.experiments import load_all, load_experiment
from chaoskit.plan.targets import TargetShelf

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
GOOD = TESTS / "good"
OURS = (GOOD / "our-block.yaml").read_text()
SHELF = TargetShelf(TESTS / "bad" / "targets")


def write(folder, text, name="x.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_that_our_block_says_arrives():
    one = load_experiment(GOOD / "our-block.yaml", SHELF)

    assert one.name == "shop/our-block"
    assert one.target == "shop"
    assert one.probing == Probing(rate_hz=100.0, timeout_s=0.25)
    assert one.phases == Phases(baseline_s=2.0, watch_s=45.0, stable_s=1.5, settle_s=120.0)
    assert one.trials == TrialPlan(name="12 runs, 1 may miss", runs=12, allow=1)
    assert one.budgets[1] == Budget(measure="availability", bound=0.995, text="99.5%", line=13)
    assert one.healed_by == ("haproxy",)
    assert one.expect is Verdict.TOO_SLOW
    assert [use.fault for use in one.faults] == ["hang", "partition"]
    assert one.faults[1].arguments["from"] == ["web", "lb"]
    assert [probe.kind for probe in one.probes] == ["http"]
    assert len(one.hash) == 64


def test_an_experiment_in_json_is_the_same():
    one = load_experiment(GOOD / "minimal.json", SHELF)

    assert one.title.endswith("🚀")
    assert one.trials == TrialPlan(name="pr", runs=5, allow=0)


def test_a_toolkit_experiment_without_our_block_needs_a_target_and_budgets_only():
    one = load_experiment(
        GOOD / "toolkit-only.yaml", SHELF, target="shop", budgets={"recovery": "5s"}
    )

    assert one.name == "shop/toolkit-only"
    assert one.budgets == (Budget(measure="recovery", bound=5.0, text="5s", line=0),)
    assert one.phases == Phases()
    assert one.probing == Probing()
    assert {probe.kind for probe in one.probes} == {"http", "python", "process"}


@pytest.mark.parametrize("name", ["toolkit-only.yaml", "our-block.yaml", "minimal.json"])
def test_chaos_toolkit_accepts_what_we_accept(name):
    from chaoslib.experiment import ensure_experiment_is_valid
    from chaoslib.loader import parse_experiment_from_file

    ensure_experiment_is_valid(parse_experiment_from_file(str(GOOD / name)))


def test_every_experiment_of_the_repository_is_valid():
    found = load_all([ROOT / "experiments"], TargetShelf(ROOT / "targets"))

    assert len(found) >= 6
    assert all(one.budgets for one in found)


def test_the_command_line_adds_and_overrides_budgets(tmp_path):
    one = load_experiment(
        GOOD / "our-block.yaml", SHELF, budgets={"recovery": "3s", "redundancy": "9s"}
    )

    bounds = {budget.measure: budget.bound for budget in one.budgets}
    assert bounds["recovery"] == 3.0
    assert bounds["redundancy"] == 9.0
    assert bounds["availability"] == 0.995


def test_a_wrong_budget_of_the_command_line_is_told_as_such():
    with pytest.raises(InputError) as caught:
        load_experiment(GOOD / "our-block.yaml", SHELF, budgets={"recovery": "5", "mttr": "1s"})

    assert [problem.file for problem in caught.value.problems] == ["--budget", "--budget"]


def test_the_target_of_the_file_takes_precedence_over_the_command_line():
    assert load_experiment(GOOD / "our-block.yaml", SHELF, target="other").target == "shop"


def test_an_unknown_target_of_the_command_line_is_told_as_such():
    with pytest.raises(InputError) as caught:
        load_experiment(
            GOOD / "toolkit-only.yaml", SHELF, target="shpo", budgets={"recovery": "5s"}
        )

    assert str(caught.value).startswith("--target: no target named 'shpo'; did you mean 'shop'?")


@pytest.mark.parametrize(
    ("block", "watch_s"),
    [
        ("{recovery: 2s}", 30.0),
        ("{recovery: 40s}", 82.0),
        ("{latency_p99: 400ms, impact: 50s}", 30.0),
    ],
)
def test_without_a_watch_the_longest_budget_sets_it(tmp_path, block, watch_s):
    bad = (TESTS / "bad" / "no-budgets.yaml").read_text()
    path = write(tmp_path, bad.replace("target: shop", f"target: shop\n    budgets: {block}"))

    assert load_experiment(path, SHELF).phases.watch_s == watch_s


def test_a_reference_in_the_hypothesis_is_replaced_by_what_it_names(tmp_path):
    text = OURS.replace(
        "method:\n", "method:\n  - {type: probe, name: up, provider: {type: process, path: ls}}\n"
    ).replace("steady-state-hypothesis:", "steady-state-hypothesis: &s")
    text = text.replace("  probes:\n", "  probes:\n    - {ref: up, tolerance: 0}\n").replace(
        " &s", ""
    )

    one = load_experiment(write(tmp_path, text), SHELF)

    assert one.probes[0].name == "up"
    assert one.probes[0].tolerance == 0
    assert one.document["steady-state-hypothesis"]["probes"][0]["provider"]["path"] == "ls"


def test_an_environment_variable_may_be_unset_where_the_target_gives_the_address(tmp_path):
    variable = "configuration: {web_url: {type: env, key: CHAOSKIT_TEST_NO_SUCH_VARIABLE}}\n"

    assert load_experiment(write(tmp_path, variable + OURS), SHELF).target == "shop"


def test_a_fault_argument_from_the_configuration_is_checked_with_its_value(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAOSKIT_TEST_SCOPE", "everything")
    text = "configuration: {scope: {type: env, key: CHAOSKIT_TEST_SCOPE}}\n" + OURS.replace(
        "pick: web-2", "pick: web-2, scope: '${scope}'"
    )

    with pytest.raises(InputError, match="scope: 'everything'"):
        load_experiment(write(tmp_path, text), SHELF)


def test_the_mistakes_of_all_files_come_at_once(tmp_path):
    write(tmp_path, OURS.replace("title: A", "titel: A", 1), "a.yaml")
    write(tmp_path, OURS.replace("rate: 100", "rate: fast"), "b.yaml")

    with pytest.raises(InputError) as caught:
        load_all([tmp_path], SHELF)

    assert [Path(one.file).name for one in caught.value.problems] == ["a.yaml", "a.yaml", "b.yaml"]


def test_two_experiments_of_one_name_are_refused(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, OURS)

    with pytest.raises(InputError, match="is also that of"):
        load_all([tmp_path], SHELF)


def test_folders_are_searched_and_other_files_passed_over(tmp_path):
    shutil.copy(TESTS / "bad" / "targets" / "shop" / "target.yaml", tmp_path)
    (tmp_path / ".hidden").mkdir()
    write(tmp_path / ".hidden", OURS)
    write(tmp_path, "paths:\n  /x:\n    method: GET\n", "api.yaml")
    (tmp_path / "deep").mkdir()
    second = write(tmp_path / "deep", OURS, "b.yml")
    first = write(tmp_path, '{"method": []', "a.json")

    assert find([tmp_path]) == (first, second)
    assert find([second, tmp_path, first]) == (second, first)


def test_nothing_found_is_said_with_what_was_searched(tmp_path):
    with pytest.raises(NothingSelected, match="no experiment found in"):
        find([tmp_path])


def test_every_missing_path_is_told_with_a_suggestion(tmp_path):
    write(tmp_path, OURS, "crash.yaml")

    with pytest.raises(InputError) as caught:
        find([tmp_path / "crahs.yaml", tmp_path / "nowhere"])

    assert len(caught.value.problems) == 2
    assert "did you mean" in str(caught.value)


def test_checking_a_file_imports_nothing_heavy():
    code = (
        "import sys; from pathlib import Path;"
        "from chaoskit.plan.experiments import load_all;"
        "from chaoskit.plan.targets import TargetShelf;"
        "load_all([Path('experiments')], TargetShelf(Path('targets')));"
        "heavy = {'numpy', 'scipy', 'pydantic', 'docker', 'rich', 'chaoslib', 'requests',"
        " 'asyncio', 'jinja2', 'ssl', 'multiprocessing'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.strip() == "[]", done.stderr


_PIECES = st.sampled_from(
    [*"{}[]:,-#&*!|>'\"%@`?\t\n\0\x85é", "${x}", "<<: *a", "&a", "*a", "!!int "]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(OURS)), length=st.integers(0, 30), pieces=st.lists(_PIECES, max_size=5)
)
def test_a_damaged_file_is_refused_or_read_but_never_ends_in_a_traceback(
    tmp_path, cut, length, pieces
):
    text = OURS[:cut] + "".join(pieces) + OURS[cut + length :]
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8", newline="")

    said = []
    try:
        load_experiment(path, SHELF)
    except InputError as error:
        said.append(error)
    assert all(error.problems for error in said)


_WORDS = st.sampled_from(
    [
        "title",
        "method",
        "extensions",
        "chaoskit",
        "budgets",
        "recovery",
        "2s",
        "probes",
        "type",
        "provider",
        "http",
        "python",
        "tolerance",
        "range",
        "arguments",
        "name",
        "ref",
        "steady-state-hypothesis",
        "configuration",
        "secrets",
        "env",
        "key",
        "controls",
        "trials",
        "phases",
        "target",
        "shop",
        "module",
        "func",
        "chaoskit.faults.crash",
        "inject",
        "service",
        "web",
        "pick",
        "${web_url}",
    ]
)
_ODD = st.none() | st.booleans() | st.integers(-5, 99) | st.floats() | _WORDS
_TREES = st.recursive(
    _ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(_WORDS, _TREES, min_size=1, max_size=8))
def test_the_right_words_in_the_wrong_places_never_end_in_a_traceback(tmp_path, data):
    import yaml

    path = write(tmp_path, yaml.safe_dump(data))

    with pytest.raises(InputError):
        load_experiment(path, SHELF)
