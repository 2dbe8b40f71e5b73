"""Experiments and watches from Python, checked without an engine."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import chaoskit
from chaoskit.api import Watch, arrangement, result, writing
from chaoskit.errors import ChaoskitError, EnvironmentUnfit, InputError, LiftFailed
from chaoskit.model.journal import Anchor, ExperimentJudgement, Journal
from chaoskit.model.verdict import Verdict
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf
from chaoskit.run.folder import RunFolder
from chaoskit.run.signals import Signals
from tests.judging import experiment as record_of

ROOT = Path(__file__).parents[2]


def crash(**changes):
    """The experiment of the documentation."""
    said = {
        "target": "restart-policy",
        "steady": [chaoskit.http("${web_url}/", timeout=0.5)],
        "method": [chaoskit.fault("crash", service="web")],
        "budgets": {"recovery": "3s"},
        "targets": ROOT / "targets",
        **changes,
    }
    return chaoskit.experiment("A crashed service is restarted", **said)


def test_importing_it_imports_nothing_else():
    program = (
        "import sys; import chaoskit; print(*(m for m in sys.modules if m.startswith('chaoskit.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


def test_every_promised_name_is_there_and_typed():
    stub = (ROOT / "chaoskit" / "__init__.pyi").read_text()

    for name in set(chaoskit.__all__) - {"__version__"}:
        assert getattr(chaoskit, name) is not None
        assert f"import {name} as {name}\n" in stub
        assert name in dir(chaoskit)
    with pytest.raises(AttributeError, match="no attribute 'experimint'"):
        chaoskit.experimint  # noqa: B018


def test_it_says_the_same_as_the_file_and_the_file_that_it_writes_says_it_again(tmp_path):
    made = crash(
        healed_by=["docker-restart"], phases={"watch": "20s"}, trials={"runs": 3}, tags=["a"]
    )
    path = made.write(tmp_path / "a-crashed-service-is-restarted.json")
    read = load_experiment(path, TargetShelf(ROOT / "targets"))

    assert made.name == read.name == "restart-policy/a-crashed-service-is-restarted"
    for field in ("title", "target", "probing", "phases", "trials", "healed_by", "probes", "tags"):
        assert getattr(made.checked, field) == getattr(read, field), field
    assert [(one.measure, one.bound) for one in made.checked.budgets] == [("recovery", 3.0)]
    assert dict(made.checked.faults[0].arguments) == {"service": "web"}


def test_every_mistake_is_told_at_once_with_the_line_of_the_call():
    with pytest.raises(InputError) as caught:
        crash(
            budgets={"recovry": "3s"},
            method=[chaoskit.fault("crash", service="wbe")],
            healed_by=["nobody"],
            phases={"watch": 20},
        )
    problems = caught.value.problems
    words = "\n".join(map(str, problems))

    assert "no measure named 'recovry'; did you mean 'recovery'" in words
    assert "no service named 'wbe'" in words
    assert "no healer 'nobody'" in words
    assert "watch must be a duration" in words
    assert {Path(one.file).name for one in problems} == {"test_python_api.py"}
    assert all(one.line for one in problems)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budgets": {}}, "budgets"),
        ({"method": []}, "the method has no action"),
        ({"target": "nowhere"}, "no target named 'nowhere'"),
        ({"steady": []}, "probes"),
        ({"method": [chaoskit.fault("crsh", service="web")]}, "crsh"),
        ({"ledger": object()}, "a object cannot be part of an experiment"),
        ({"probing": {1: 2}}, "the key 1 is no text"),
        ({"expect": "clean"}, "expect"),
    ],
)
def test_what_could_prove_nothing_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        crash(**changes)


def test_an_argument_that_does_not_exist_is_a_type_error():
    with pytest.raises(TypeError, match="budgts"):
        crash(budgts={})


def test_python_words_take_an_underscore():
    action = chaoskit.fault("partition", service="web", from_="db", for_="10s")

    assert action["provider"]["arguments"] == {"service": "web", "from": "db", "for": "10s"}


def test_a_title_becomes_a_short_name():
    assert writing.slug_of("Die Straße: 3 × langsam!") == "die-stra-e-3-langsam"
    assert writing.slug_of("…") == "experiment"


# What becomes of a run


class Folder:
    path = Path("reports/run")


def finished(verdict=Verdict.HEALED, *, passed=None, **fields):
    """A run with one judged experiment."""
    judgement = ExperimentJudgement(
        verdict=verdict, passed=verdict.good if passed is None else passed, sentence="so it was"
    )
    journal = Journal(
        run_id="run",
        chaoskit="0",
        command="chaoskit run x.yaml --seed 1",
        seed=1,
        anchor=Anchor(wall="", wall_ns=0, mono_ns=0),
        experiments=(record_of(judgement=judgement),),
        **fields,
    )
    return result.Finished(journal=journal, folder=Folder())


def test_a_pass_is_a_pass():
    found = result.result_of(finished(), "shop/crash")
    found.check()

    assert found.passed
    assert found.report == Path("reports/run/report.html")


@pytest.mark.parametrize("verdict", [one for one in Verdict if not one.good], ids=str)
def test_no_other_verdict_is_one(verdict):
    if verdict is Verdict.LIFT_FAILED:
        kind = LiftFailed
    elif verdict is Verdict.HARNESS_ERROR:
        kind = ChaoskitError
    else:
        kind = chaoskit.Missed if verdict.against else chaoskit.Inconclusive

    with pytest.raises(kind, match="so it was") as caught:
        result.result_of(finished(verdict), "shop/crash").check()
    assert type(caught.value) is kind


def test_a_good_verdict_that_was_not_expected_is_a_miss():
    with pytest.raises(chaoskit.Missed):
        result.result_of(finished(Verdict.HEALED, passed=False), "shop/crash").check()


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"left_behind": ("hang of web-1",)}, LiftFailed),
        ({"interrupted_by": "SIGINT"}, KeyboardInterrupt),
        ({"trouble": "no image", "trouble_exit": 4}, EnvironmentUnfit),
        ({"trouble": "a defect", "trouble_exit": 6}, ChaoskitError),
    ],
)
def test_a_run_that_did_not_end_well_has_no_result(fields, kind):
    with pytest.raises(kind):
        result.result_of(finished(**fields), "shop/crash")


def test_a_run_may_be_made_in_a_thread_which_gets_no_signals():
    def enter():
        with Signals() as signals:
            entered.append(signals.stop.is_set())

    entered = []
    handler = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(30)

    assert entered == [False]
    assert signal.getsignal(signal.SIGINT) is handler


# How a watch asks


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rate": 0}, "a rate of 0"),
        ({"rate": True}, "a rate of True"),
        ({"baseline": "3"}, "baseline"),
        ({"longest": "0s"}, "longest: must be longer than nothing"),
        ({"healed_by": ["nobody"]}, "no healer 'nobody'"),
        ({"budgets": {"recovry": "3s"}}, "no measure named 'recovry'"),
        ({"budgets": {"recovery": "soon"}}, "recovery cannot be 'soon'"),
        ({"raet": 5}, "no setting raet"),
        ({"expect": "observer_late"}, "no verdict 'observer_late'"),
    ],
)
def test_a_wrong_setting_of_a_watch_is_refused(settings, said):
    spec = TargetShelf(ROOT / "targets").load("restart-policy")

    with pytest.raises(InputError, match=said):
        arrangement.arranged(settings, spec, number=1)


def test_a_watch_asks_the_ready_address_unless_told_otherwise():
    spec = TargetShelf(ROOT / "targets").load("restart-policy")
    plain = arrangement.arranged({}, spec, number=1)
    told = arrangement.arranged(
        {"probes": [chaoskit.http("${web_url}/x", status=204)]}, spec, number=2
    )

    assert [one.provider["url"] for one in plain.probes] == ["${web_url}/"]
    assert [(one.provider["url"], one.tolerance) for one in told.probes] == [("${web_url}/x", 204)]


class Held:
    """A running target and a watch over it, which tell what was asked of them."""

    def __init__(self):
        self.asked, self.held, self.injector = [], ("f1",), self

    def __getattr__(self, name):
        return lambda *_: self.asked.append(name)


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("lift_all", ["fault_goes", "lift_all"]),
        ("make_whole", ["fault_goes", "fault_goes", "lift_all", "rearm"]),
    ],
)
def test_a_watch_hears_of_whatever_we_mend_before_it_is_done(call, asked):
    target, held = chaoskit.live_target("restart-policy", targets=ROOT / "targets"), Held()
    target._running = target._watch = held
    target._whole = False
    getattr(target, call)()

    assert held.asked == asked


def test_what_was_struck_is_not_mended_by_us_in_silence():
    target, held = chaoskit.live_target("restart-policy", targets=ROOT / "targets"), Held()
    target._running = target._watch = held
    target._whole, held.held = False, ()
    target.make_whole()

    assert held.asked == ["fault_goes", "lift_all", "rearm"]


class Unasked(Watch):
    """A watch that says whether it was checked."""

    def __init__(self, budgets):
        self.unchecked, self.asked = bool(budgets), []

    def begin(self):
        return self

    def check(self):
        self.asked.append("check")

    def end(self):
        self.asked.append("end")


def test_budgets_that_nobody_asked_about_are_checked_at_the_end_of_the_block():
    with Unasked({"recovery": "5s"}) as watch:
        pass
    with Unasked({}) as bare:
        pass
    with pytest.raises(ZeroDivisionError), Unasked({"recovery": "5s"}) as broken:
        raise ZeroDivisionError

    assert (watch.asked, bare.asked, broken.asked) == (["check", "end"], ["end"], ["end"])


@pytest.mark.parametrize(
    ("settings", "unchecked"),
    [({}, False), ({"budgets": {"recovery": "5s"}}, True), ({"expect": "not_healed"}, True)],
)
def test_what_a_watch_is_told_to_expect_must_be_asked_for(settings, unchecked, tmp_path):
    watch = Watch(
        arrangement.Arrangement(
            experiment=arrangement.arranged(
                settings, TargetShelf(ROOT / "targets").load("restart-policy"), number=1
            ),
            line=1,
            target=None,
            recorder=None,
            run=RunFolder.create(tmp_path, "r1"),
            keep=lambda _record: None,
        )
    )

    assert watch.unchecked is unchecked
    if "budgets" not in settings:
        with pytest.raises(InputError, match="no budgets, no pass"):
            watch.check()


def test_a_target_that_is_not_running_says_so():
    target = chaoskit.live_target("restart-policy", targets=ROOT / "targets")

    with pytest.raises(RuntimeError, match="is not running"):
        target.crash("web")
    with pytest.raises(AttributeError, match="no attribute or fault 'crsh'"):
        target.crsh  # noqa: B018
    with pytest.raises(InputError, match="no service named 'wbe'"):
        target.crash("wbe")
    with pytest.raises(InputError, match="no argument 'speed'"):
        target.crash("web", speed=3)
