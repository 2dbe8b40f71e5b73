"""The pytest plugin: experiments as tests, and fixtures that break a live target. See docs/pytest.md.

It is loaded at every pytest start in every environment that has chaoskit, also where nobody asks for
chaos. So this module imports nothing but pytest, collects nothing unless asked, and says nothing then.
"""

import os
from collections.abc import Generator, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # everything heavy is imported where it is used
    from chaoskit.api import LiveTarget, Watch
    from chaoskit.pytest_plugin.pool import Pool

SUFFIXES = (".yaml", ".yml", ".json")
SEED = "chaos_seed"
FIXTURES = frozenset({"chaos", "chaos_probe", "chaos_target"})
MARKER = (
    "chaos(target=NAME, budgets={'recovery': '5s'}, rate=50, longest='30s', ...): a test that breaks "
    "a target; the arguments are for the fixtures `chaos` and `chaos_probe` (docs/pytest.md)"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option begins with --chaos-, every ini option with chaos_."""
    group = parser.getgroup("chaos", "chaoskit: does the system heal itself?")
    group.addoption("--chaos-seed", type=int, metavar="N", help="Repeat a run's chance.")
    group.addoption("--chaos-trials", type=int, metavar="N", help="Trials of each experiment.")
    group.addoption("--chaos-target", metavar="NAME", help="The target of the fixtures.")
    group.addoption("--chaos-targets", metavar="DIR", help="Where target folders are.")
    group.addoption("--chaos-reports", metavar="DIR", help="Where reports go.")
    group.addoption(
        "--chaos-required",
        action="store_true",
        help="Without a Docker engine chaos tests fail, as they do where CI is set; else they skip.",
    )
    parser.addini("chaos_files", "Globs of experiment files that are tests.", type="args")
    parser.addini("chaos_target", "The target of the fixtures.", default="")
    parser.addini("chaos_targets", "Where target folders are.", default="targets")
    parser.addini("chaos_reports", "Where reports go.", default="reports")


def pytest_configure(config: pytest.Config) -> None:
    """One seed for the whole session, that of the controller for every worker of xdist."""
    config.addinivalue_line("markers", MARKER)
    if config.option.chaos_seed is None:
        told = getattr(config, "workerinput", {}).get(SEED)
        config.option.chaos_seed = int.from_bytes(os.urandom(4)) if told is None else told


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """What a worker of xdist is told."""
    node.workerinput[SEED] = node.config.option.chaos_seed


def pytest_report_header(config: pytest.Config) -> str | None:
    """How to repeat this session; nothing when no chaos is configured."""
    if not (config.getini("chaos_files") or config.getini("chaos_target")):
        return None
    return f"chaos: repeat its chances with --chaos-seed {config.option.chaos_seed}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Experiment files that a glob of `chaos_files` matches, or that are named one by one."""
    if file_path.suffix not in SUFFIXES or not _asked_for(file_path, parent):
        return None
    from chaoskit.pytest_plugin.collecting import ChaosFile  # noqa: PLC0415

    collected: pytest.Collector = ChaosFile.from_parent(parent, path=file_path)
    return collected


def _asked_for(path: Path, parent: pytest.Collector) -> bool:
    globs = parent.config.getini("chaos_files")
    root = parent.config.rootpath
    inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    if any(matches(path.name if "/" not in glob else inside, glob) for glob in globs):
        return True
    if not parent.session.isinitpath(path):
        return False
    from chaoskit.plan.discover import looks_like_one  # noqa: PLC0415

    return looks_like_one(path)


def matches(path: str, glob: str) -> bool:
    """Whether a path is what a glob means: `**/` may be no folder at all."""
    return fnmatchcase(path, glob.replace("**/", "*"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests with our fixtures are chaos tests: -m chaos finds them, xdist keeps them together."""
    if FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        return
    marker = item.get_closest_marker("chaos")
    if marker is None:
        item.add_marker(pytest.mark.chaos)
    named = marker.kwargs.get("target") if marker is not None else None
    keep_together(item, str(named or target_name(item.config)))


def keep_together(item: pytest.Item, target: str) -> None:
    """All that breaks one target runs on one worker, when xdist goes by groups."""
    if item.config.pluginmanager.hasplugin("xdist") and not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(name=f"chaos-{Path(target).name}"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Without this the groups of chaos tests would be lost in silence."""
    for item in items:
        marker = item.get_closest_marker("xdist_group")
        if marker is not None and item.get_closest_marker("chaos") is not None:
            named = marker.args[0] if marker.args else marker.kwargs.get("name", "default")
            write_group(item, named)


def write_group(item: Any, group: str) -> None:
    """The group of a test where xdist 3.8 reads it; it writes it where pytest 9.2 does not look.

    https://github.com/pytest-dev/pytest-xdist/issues/1386
    """
    spread = getattr(item.config.option, "loadgroup", False)  # we run tests for an xdist session
    if spread and hasattr(item, "_id") and not item.nodeid.endswith(f"@{group}"):
        item._id = item.id.parse(f"{item.nodeid}@{group}")  # noqa: SLF001  # there is no other way


def target_name(config: pytest.Config) -> str:
    """The target of the fixtures; "" when nobody said."""
    return str(config.option.chaos_target or config.getini("chaos_target"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Budgets of the marker that the test did not check itself are checked when its body is done."""
    result = yield
    if not FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        from chaoskit.pytest_plugin.pool import check_rest  # noqa: PLC0415

        check_rest(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say on the report what kind of failure it is: of the system, of nobody yet, or ours."""
    report = yield
    if item.get_closest_marker("chaos") is not None:
        from chaoskit.pytest_plugin.outcomes import mark_report  # noqa: PLC0415

        mark_report(item, report, call)
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """What says nothing about the system is an error, in whatever phase of a test it came up."""
    kind = getattr(report, "chaos", "")
    if report.when != "call" or not report.failed or kind in {"", "failed"}:
        return None
    return "error", "E", f"ERROR ({kind})"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What every chaos test came to, and where its report is."""
    reports = (one for found in terminalreporter.stats.values() for one in found)
    if any("chaos" in getattr(one, "keywords", ()) for one in reports):
        from chaoskit.pytest_plugin.telling import summarize  # noqa: PLC0415

        summarize(terminalreporter)


@pytest.fixture(scope="session")
def chaos_target_name(pytestconfig: pytest.Config) -> str:
    """Which target `chaos_target` starts; override it, or say `chaos_target` in the ini file."""
    return target_name(pytestconfig)


@pytest.fixture(scope="session")
def chaos_pool(pytestconfig: pytest.Config) -> "Iterator[Pool]":
    """The live targets of this session; each is started once, and all are removed at its end."""
    from chaoskit.pytest_plugin.pool import Pool  # noqa: PLC0415

    with Pool(pytestconfig) as pool:
        yield pool


@pytest.fixture(scope="session")
def chaos_target(chaos_pool: "Pool", chaos_target_name: str) -> "LiveTarget":
    """The target, running; override it to start another one, or with other settings."""
    return chaos_pool.get(chaos_target_name)


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> "Iterator[LiveTarget]":
    """The target to break: `with chaos.crash("web"): ...`. Whole before the test, lifted after it."""
    from chaoskit.pytest_plugin.pool import target_of  # noqa: PLC0415

    with target_of(request) as target:
        yield target


@pytest.fixture
def chaos_probe(request: pytest.FixtureRequest, chaos: "LiveTarget") -> "Iterator[Watch]":
    """A watch over the target, with a steady baseline behind it: `chaos_probe.check(recovery="5s")`."""
    from chaoskit.pytest_plugin.pool import watch_of  # noqa: PLC0415

    with watch_of(request, chaos) as watch:
        yield watch
