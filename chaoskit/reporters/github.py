"""What GitHub Actions reads in a log and in the files that it names: annotations, folds, outputs.

A job shows at most ten annotations of a kind for a step and drops the rest in silence, and it drops
a summary above 1 MiB whole. Its runner takes `::` at the beginning of any line for a command, so text
of others is printed only between `stop` and `resume`.
"""

from collections.abc import Iterable, Mapping

from chaoskit.reporters.findings import Finding, limited
from chaoskit.reporters.text import clean, one_line

MOST_OF_A_KIND = 10
SUMMARY_LIMIT_BYTES = 1_000_000  # of all that one step writes; the runner's limit is 1 MiB


def annotations(found: Iterable[Finding]) -> tuple[str, ...]:
    """A command for each finding, escaped, as many as are shown."""
    return tuple(map(_annotation, limited(tuple(found), MOST_OF_A_KIND)))


def fold(title: str) -> str:
    """Opens a group of lines."""
    return f"::group::{_data(one_line(title))}"


UNFOLD = "::endgroup::"


def stop(token: str) -> str:
    """From here on nothing is a command, until `resume` with the same token."""
    return f"::stop-commands::{token}"


def resume(token: str) -> str:
    """Commands are obeyed again."""
    return f"::{token}::"


def outputs(values: Mapping[str, str]) -> str:
    """Lines for $GITHUB_OUTPUT; each value is one line, so that none can add another output."""
    return "".join(f"{name}={one_line(value, limit=4_000)}\n" for name, value in values.items())


def room_for(summary: str, *, used_bytes: int) -> str:
    """As much of a summary, whole lines of it, as the step's file still has room for."""
    room = SUMMARY_LIMIT_BYTES - used_bytes
    if len(summary.encode()) <= room:
        return summary
    note = "\nThe rest is in the report: a job's summary holds 1 MiB.\n"
    room -= len(note.encode())
    kept, size = [], 0
    for line in summary.splitlines(keepends=True):
        size += len(line.encode())
        if size > room:
            break
        kept.append(line)
    return "".join(kept) + note if kept else ""


def _annotation(one: Finding) -> str:
    places = {"file": one.file, "line": one.line or "", "col": one.column or "", "title": one.title}
    if not one.file:
        places = {"title": one.title}
    said = ",".join(f"{key}={_property(str(value))}" for key, value in places.items() if value)
    return f"::{one.level.value} {said}::{_data(one.message)}"


def _data(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
