"""What Azure Pipelines reads in a log: issues of a build, folds, a summary page, variables.

Its agent looks for `##vso[` anywhere in a line; `text.tame` keeps that out of what others wrote.
"""

from collections.abc import Iterable
from pathlib import Path

from chaoskit.reporters.findings import Finding, Level, limited
from chaoskit.reporters.text import clean, one_line

MOST_OF_A_KIND = 10
UNFOLD = "##[endgroup]"


def issues(found: Iterable[Finding]) -> tuple[str, ...]:
    """A command for each error and warning; Azure has no third kind."""
    loud = [one for one in found if one.level is not Level.NOTICE]
    return tuple(map(_issue, limited(loud, MOST_OF_A_KIND)))


def fold(title: str) -> str:
    """Opens a group of lines."""
    return f"##[group]{one_line(title)}"


def summary(path: Path) -> str:
    """Shows a Markdown file on the build's page."""
    return f"##vso[task.uploadsummary]{_escaped(str(path))}"


def variable(name: str, value: str) -> str:
    """A variable for the steps and jobs that follow."""
    return f"##vso[task.setvariable variable={name};isOutput=true]{_escaped(one_line(value))}"


def _issue(one: Finding) -> str:
    places = {"sourcepath": one.file, "linenumber": one.line, "columnnumber": one.column}
    said = "".join(f"{key}={_escaped(str(value))};" for key, value in places.items() if value)
    return f"##vso[task.logissue type={one.level.value};{said}]{_escaped(f'{one.title}: {one.message}')}"


def _escaped(text: str) -> str:
    for token, stand_in in (("\r", "%0D"), ("\n", "%0A"), (";", "%3B"), ("]", "%5D")):
        text = clean(text).replace(token, stand_in)
    return text
