"""What every browser test shares: one browser, and the pages that it is shown."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from chaoskit.reporters import html
from tests.browser.webdriver import browser
from tests.samples_builder import run

ROOT = Path(__file__).parents[2]
AXE = ROOT / ".setup/axe/axe_playwright_python/axe.min.js"


def refuse(missing: str) -> None:
    """Skip, loudly; in CI a missing browser is a failure, or nobody would ever notice."""
    said = f"{missing} is missing: scripts/browser.sh installs it on Debian as root"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    for name in ("chromium", "chromedriver"):
        if not shutil.which(name):
            refuse(name)
    with browser(tmp_path_factory.mktemp("profile")) as session:
        yield session


@pytest.fixture
def page(chromium, report):
    """The report, open at the width of a desktop, with an empty console."""
    chromium.emulate()
    chromium.resize(1280)
    chromium.open(report.as_uri())
    chromium.complaints()
    return chromium


@pytest.fixture(scope="session")
def axe():
    if not AXE.is_file():
        refuse("axe-core")
    return AXE.read_text(encoding="utf-8")


def render(path, *, trials=None):
    """The report of four experiments, with the first trials of each, written there."""
    made = run()
    experiments = [replace(one, trials=one.trials[:trials]) for one in made.journal.experiments]
    journal = replace(made.journal, experiments=tuple(experiments))
    path.write_text(html.render(journal, made.timeline_of, made.logs_of), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    return render(tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="session")
def small_report(tmp_path_factory):
    """Everything that the report can show, once: what looks at every element takes its time."""
    return render(tmp_path_factory.mktemp("small") / "report.html", trials=1)
