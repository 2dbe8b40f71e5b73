"""The reporters, ours and those that other packages add: each makes one file of a run's journal.

    [project.entry-points."chaoskit.reporters"]
    slack = "my_package.slack:REPORTER"

A reporter of another package sees the finished, judged journal, cannot change it, and cannot spoil
the run: what goes wrong in it is told, and the verdict stands.
"""

from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath
from typing import Protocol, runtime_checkable

from chaoskit import plugins
from chaoskit.model.journal import Journal
from chaoskit.reporters import badge, ctrf, junit, markdown, openmetrics

OWN = {
    "html": ("report.html", "one file that a person wants to read"),
    "junit": ("junit.xml", "what every CI reads"),
    "markdown": ("summary.md", "a few lines for a pull request"),
    "ctrf": ("ctrf.json", "the Common Test Report Format, for dashboards and bots"),
    "openmetrics": ("metrics.txt", "for GitLab's metrics reports and for Prometheus"),
    "badge": ("badge.svg", "for a README; badge.json is for shields.io"),
    "proof": ("proof.md", "what the control arms showed, when they were run"),
    "terminal": ("", "progress and verdicts while it runs"),
}
_TAKEN = {file for file, _ in OWN.values()} | {"journal.json", "faults.jsonl", "badge.json"}


@runtime_checkable
class Reporter(Protocol):
    """What a package adds."""

    file: str  # the file's name in the run's folder: "slack.json"
    summary: str  # one line for the list

    def render(self, journal: Journal) -> str:
        """The file's text."""
        ...


def write_own(journal: Journal, write: Callable[[str, str], None]) -> None:
    """Make every file of ours that needs nothing but the journal."""
    write("junit.xml", junit.render(journal))
    write("summary.md", markdown.render(journal))
    write("ctrf.json", ctrf.render(journal))
    write("metrics.txt", openmetrics.render(journal))
    write("badge.svg", badge.svg(journal))
    write("badge.json", badge.endpoint(journal))


def files() -> tuple[str, ...]:
    """The files that a run's folder may have, ours first."""
    own = [file for file, _ in OWN.values() if file]
    return (*own, "badge.json", *(one.file for one in added().entries.values()))


@cache
def added() -> plugins.Stock[Reporter]:
    """The reporters of other packages, and what cannot be used."""
    return plugins.added(plugins.REPORTERS, OWN, _accepted)


def write_added(journal: Journal, write: Callable[[str, str], None]) -> tuple[str, ...]:
    """Let every added reporter make its file; what went wrong, one line each."""
    trouble = list(added().refused.values())
    for name, one in added().entries.items():
        try:
            write(one.file, one.render(journal))
        except Exception as error:  # noqa: BLE001  # somebody else's code must not cost a verdict
            words = " ".join(f"{type(error).__name__}: {error}".split())
            package = added().packages[name]
            trouble.append(f"reporter {name!r} of {package} made no {one.file}: {words}")
    return tuple(trouble)


def _accepted(plugin: plugins.Plugin, found: object) -> Reporter:
    if not isinstance(found, Reporter) or isinstance(found, type):
        message = f"{plugin.value} is no object with file, summary and render(journal)"
        raise plugins.Unusable(message)
    if not _is_plain(found.file):
        message = f"its file {found.file!r} is no plain file name"
        raise plugins.Unusable(message)
    if found.file in _TAKEN:
        message = f"its file {found.file} is one of chaoskit's own"
        raise plugins.Unusable(message)
    return found


def _is_plain(name: object) -> bool:
    """Whether it is the name of a file right in the run's folder."""
    return isinstance(name, str) and bool(name.strip(".")) and PurePosixPath(name).name == name
