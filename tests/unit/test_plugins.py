"""What other packages add is used, what clashes or is broken is told, and nothing else suffers."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from chaoskit import plugins
from chaoskit.agent.kinds import KINDS
from chaoskit.errors import FaultRefused, InputError
from chaoskit.faults import base as faults
from chaoskit.healers import base as healers
from chaoskit.ledgers import base as ledgers
from chaoskit.model.experiment import ProbeSpec
from chaoskit.model.journal import Anchor, Journal
from chaoskit.plan.experiments import load_experiment
from chaoskit.plan.targets import TargetShelf
from chaoskit.plugin_checks import plugin_checks
from chaoskit.probes import shelf as probes
from chaoskit.probes.base import BadProbe, Settings
from chaoskit.reporters import shelf as reporters
from chaoskit.target import added_kinds
from tests.installing import ROOT, install_example, make_package, with_site

FAULT = """
from dataclasses import dataclass
from chaoskit.faults.base import StruckFault, action

@dataclass(frozen=True, kw_only=True)
class Melt(StruckFault):
    '''Melt it.'''
    name = NAME
    needs = ("signal",)
    heat: str = "5%"
    def operations(self, picked, site):
        return ()

inject = action(Melt)
"""
SHELVES = (
    plugins.installed,
    faults.shelf,
    healers.shelf,
    ledgers.shelf,
    probes.added,
    reporters.added,
    added_kinds.added,
)
JOURNAL = Journal(
    run_id="r1",
    chaoskit="1",
    command="chaoskit run",
    seed=1,
    anchor=Anchor(wall="2026-01-01T00:00:00+00:00", wall_ns=0, mono_ns=0),
)


def forget():
    for one in SHELVES:
        one.cache_clear()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder in which packages are installed; afterwards nobody remembers them."""
    monkeypatch.setattr(KINDS, "_modules", dict(KINDS._modules))
    monkeypatch.syspath_prepend(str(tmp_path))
    forget()
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)
    forget()


def add_fault(site, package="melter", module="melter", name="melt", text=FAULT):
    entries = {plugins.FAULTS: {name: f"{module}:Melt"}}
    make_package(site, package, entries, {module: text.replace("NAME", repr(name))})


def add_one(site, group, value, text):
    make_package(site, "adder", {group: {"added": value}}, {"adder": text})


def test_a_fault_of_another_package_is_on_the_shelf(site):
    add_fault(site)

    assert faults.catalogue()["melt"].__name__ == "Melt"
    assert faults.shelf().packages == {"melt": "melter 1.0"}
    assert faults.make("melt", {"service": "web", "heat": "9%"}).heat == "9%"
    assert [one.evidence for one in plugin_checks()] == ["fault 'melt' of melter 1.0"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        pytest.param(FAULT, "crash", "chaoskit itself has a fault of this name", id="our name"),
        pytest.param("1 / 0", "melt", r"cannot be loaded \(ZeroDivisionError", id="broken"),
        pytest.param("raise SystemExit(3)", "melt", r"cannot be loaded \(SystemExit", id="leaves"),
        pytest.param("import nowhere_at_all", "melt", "No module named", id="needs what is absent"),
        pytest.param("x = 1", "melt", "has no attribute 'Melt'", id="not there"),
        pytest.param("Melt = 3", "melt", "no subclass of chaoskit.faults.base.Fault", id="other"),
        pytest.param(FAULT.replace("NAME", "'thaw'"), "melt", "calls itself 'thaw'", id="renamed"),
        pytest.param(FAULT, "Me lt", "must be of small letters", id="no name"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line_and_costs_nobody_else(site, text, name, words):
    add_fault(site, "good", "good", "fine")
    add_fault(site, "bad", "bad", name, text)
    (line,) = faults.shelf().refused.values()

    assert line.startswith(f"fault {name!r} of bad 1.0 cannot be used: ")
    assert re.search(words, line)
    assert "\n" not in line
    assert "fine" in faults.catalogue()
    assert faults.catalogue()["crash"].__module__ == "chaoskit.faults.crash"
    assert [one.evidence for one in plugin_checks()] == [line]


def test_of_two_packages_with_the_same_name_neither_wins(site):
    add_fault(site, "melter", "melter")
    add_fault(site, "smelter", "smelter")

    assert "melt" not in faults.catalogue()
    with pytest.raises(FaultRefused, match=r"melter 1.0 and smelter 1.0 have the same name"):
        faults.make("melt", {"service": "web"})


def test_the_first_folder_that_has_a_package_wins_as_for_imports(site, monkeypatch, tmp_path):
    add_fault(site)
    older = tmp_path / "older"
    add_fault(older, name="older")
    monkeypatch.setattr(sys, "path", [*sys.path, str(older), str(tmp_path / "nowhere"), ""])
    forget()

    assert [one.name for one in plugins.installed()] == ["melt"]


@pytest.mark.parametrize(
    ("module", "func", "words"),
    [
        ("melter", "inject", ""),
        ("melter", "injct", "melter has no fault's action 'injct'; did you mean 'inject'?"),
        (
            "chaoskit.faults.melt",
            "inject",
            "no fault named 'melt' in chaoskit; it is in melter 1.0: write module: melter",
        ),
        ("breaker", "inject", "fault 'broken' of breaker 1.0 cannot be used"),
    ],
)
def test_an_experiment_that_uses_one_is_checked_like_any_other(site, module, func, words):
    add_fault(site)
    add_fault(site, "breaker", "breaker", "broken", "1 / 0")
    document = yaml.safe_load((ROOT / "experiments/restart-policy/crash.yaml").read_text())
    provider = document["method"][0]["provider"]
    provider.update(module=module, func=func, arguments={"service": "web", "heat": "7%"})
    path = site / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))
    shelf = TargetShelf(ROOT / "targets")
    if not words:
        (use,) = load_experiment(path, shelf).faults
        assert (use.fault, use.arguments["heat"]) == ("melt", "7%")
        return

    with pytest.raises(InputError, match=re.escape(words)):
        load_experiment(path, shelf)


def test_the_arguments_of_an_added_fault_are_checked_at_their_place(site):
    add_fault(site)
    document = yaml.safe_load((ROOT / "experiments/restart-policy/crash.yaml").read_text())
    provider = document["method"][0]["provider"]
    provider.update(module="melter", arguments={"service": "wbe", "heet": "7%", "for": "3s"})
    path = site / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(InputError) as refused:
        load_experiment(path, TargetShelf(ROOT / "targets"))
    told = str(refused.value)
    assert "no service named 'wbe'" in told
    assert "did you mean 'heat'?" in told
    assert "melt is struck, so there is nothing to lift" in told


PROBE = """
from chaoskit.probes import tcp
SUMMARY = "a greeting"
def ask(): return True
def question(provider, tolerance, settings):
    return tcp.question({"type": "tcp", "host": "127.0.0.1", "port": 1}, tolerance, settings)
"""


def python_probe(module):
    provider = {"type": "python", "module": module, "func": "ask"}
    return ProbeSpec(name="greets", kind="python", provider=provider, tolerance=True)


def test_an_added_probe_is_asked_by_the_prober_and_not_by_the_pool(site):
    add_one(site, plugins.PROBES, "adder", PROBE)

    assert not probes.is_pooled(python_probe("adder"))
    assert probes.is_pooled(python_probe("json"))
    question = probes.question(python_probe("adder"), Settings())
    assert question.addresses[0][1] == ("127.0.0.1", 1)
    assert probes.summary("added") == "a greeting"
    assert "added" in probes.names()


@pytest.mark.parametrize(
    ("value", "text", "words"),
    [
        ("adder:ask", PROBE, "is no module"),
        ("adder", "x = 1", "has no text SUMMARY"),
        ("adder", "SUMMARY = 'x'", "has no function question"),
    ],
)
def test_a_probe_that_cannot_be_asked_is_refused_when_it_is_needed(site, value, text, words):
    add_one(site, plugins.PROBES, value, text)

    with pytest.raises(BadProbe, match=words):
        probes.question(python_probe("adder"), Settings())


HEALER = """
from chaoskit.healers.supervisor import Supervisor
class Cron(Supervisor):
    "Restart it now and then."
    name = "added"
KIND = Cron()
"""


def test_an_added_healer_is_on_the_shelf(site):
    add_one(site, plugins.HEALERS, "adder:KIND", HEALER)

    assert healers.catalogue()["added"].about == "Restart it now and then."
    assert "supervisor" in healers.catalogue()


@pytest.mark.parametrize(
    ("value", "words"), [("adder:Cron", "no instance of"), ("adder:OTHER", "calls itself")]
)
def test_a_healer_that_is_none_is_refused(site, value, words):
    add_one(site, plugins.HEALERS, value, f"{HEALER}\nclass O(Cron): name = 'x'\nOTHER = O()")

    assert words in healers.shelf().refused["added"]


LEDGER = """
from typing import ClassVar
from chaoskit.ledgers.redis import Redis
class Mine(Redis):
    "Another place."
"""


def test_an_added_ledger_is_on_the_shelf_and_one_that_is_none_is_refused(site):
    add_one(site, plugins.LEDGERS, "adder:Mine", LEDGER)
    assert ledgers.catalogue()["added"].__doc__ == "Another place."
    make_package(site, "wrong", {plugins.LEDGERS: {"wrong": "json:dumps"}}, {})
    forget()

    with pytest.raises(ledgers.LedgerUnready, match="no subclass of"):
        ledgers.make("wrong", {})


REPORTER = """
class Chat:
    file = FILE
    summary = "one message"
    def render(self, journal):
        return journal.run_id
REPORTER = Chat()
"""


def test_an_added_reporter_makes_its_file(site):
    add_one(site, plugins.REPORTERS, "adder:REPORTER", REPORTER.replace("FILE", "'chat.json'"))
    written = {}

    assert reporters.write_added(JOURNAL, written.__setitem__) == ()
    assert written == {"chat.json": "r1"}


@pytest.mark.parametrize("file", ["journal.json", "../x", "a/b", "", "..", 3])
def test_a_reporter_may_not_write_what_is_ours_or_elsewhere(site, file):
    add_one(site, plugins.REPORTERS, "adder:REPORTER", REPORTER.replace("FILE", repr(file)))
    written = {}
    (line,) = reporters.write_added(JOURNAL, written.__setitem__)

    assert "cannot be used: its file" in line
    assert written == {}


def test_a_reporter_that_fails_is_told_and_the_others_report(site):
    text = REPORTER.replace("FILE", "'bad.txt'").replace("journal.run_id", "1 / 0")
    add_one(site, plugins.REPORTERS, "adder:REPORTER", text)
    other = REPORTER.replace("FILE", "'good.txt'")
    make_package(site, "good", {plugins.REPORTERS: {"good": "good:REPORTER"}}, {"good": other})
    written = {}
    (line,) = reporters.write_added(JOURNAL, written.__setitem__)

    assert line.startswith("reporter 'added' of adder 1.0 made no bad.txt: ZeroDivisionError")
    assert written == {"good.txt": "r1"}


KIND = """
from chaoskit.agent.kind import Kind
import os.path
KIND = Kind(apply=None, check=None, undo=None, missing=lambda: "", survey=None,
            capabilities=("SYS_NICE",))
"""


def test_an_added_kind_is_laid_out_with_the_agents_own(site, tmp_path):
    add_one(site, plugins.AGENT_KINDS, "adder", KIND)
    context = tmp_path / "context"
    added_kinds.lay_out(ROOT / "chaoskit" / "agent", context)

    assert (context / "kinds" / "added.py").read_text() == KIND
    assert (context / "Dockerfile").exists()
    assert (context / "kinds" / "firewall.py").exists()
    assert KINDS["added"].capabilities == ("SYS_NICE",)


@pytest.mark.parametrize(
    ("value", "text", "words"),
    [
        ("adder", KIND + "\nimport numpy", "it imports numpy, and the agent has only"),
        ("adder", KIND + "\nfrom chaoskit.model import faults", "it imports chaoskit, and"),
        ("adder:KIND", KIND, "is no module with"),
        ("adder", "x = 1", "is no module with"),
    ],
)
def test_a_kind_that_the_agent_could_not_run_is_refused(site, value, text, words):
    add_one(site, plugins.AGENT_KINDS, value, text)

    assert words in added_kinds.added().refused["added"]
    assert "added" not in KINDS


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return install_example(tmp_path_factory.mktemp("example"))


def command(example, *words):
    site, source = example
    return subprocess.run(
        [sys.executable, *words],
        cwd=source,
        env=with_site(site),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_example_of_the_documentation_keeps_its_own_tests(example):
    done = command(example, "-m", "pytest", "-q", "tests/test_without_engine.py")

    assert done.returncode == 0, done.stdout


def test_the_example_is_listed_with_its_package_and_explained(example):
    package = "chaoskit-example-extras 1.0"
    listed = json.loads(command(example, "-m", "chaoskit", "list", "--json").stdout)
    text = command(example, "-m", "chaoskit", "list", "faults").stdout
    explained = command(example, "-m", "chaoskit", "explain", "stall").stdout

    for kind, names in {
        "faults": {"stall", "renice"},
        "probes": {"banner"},
        "healers": {"cron-restart"},
        "reporters": {"chat"},
    }.items():
        assert {one["name"] for one in listed[kind] if one.get("package") == package} == names
    assert f"(from {package})" in text
    assert f"stall (process, from {package})" in explained
    assert "module: chaoskit_example_extras.stall" in explained


def test_the_experiment_of_the_example_is_valid_for_both_tools(example):
    targets = ROOT / "targets"
    ours = command(example, "-m", "chaoskit", "validate", "experiment.yaml", "--targets", targets)
    theirs = command(example, "-m", "chaostoolkit", "validate", "experiment.yaml")

    assert ours.returncode == 0, ours.stderr
    assert theirs.returncode == 0, theirs.stderr
