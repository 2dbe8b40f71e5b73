"""The end of a session: what every chaos test came to, and what nobody may overlook."""

from collections.abc import Iterator
from typing import Any

from chaoskit.pytest_plugin.outcomes import LEFT_BEHIND, NO_ENGINE
from chaoskit.reporters.wording import Result

_COLOURS = {
    Result.PASSED: "green",
    Result.EXPECTED: "green",
    Result.FAILED: "red",
    Result.INCONCLUSIVE: "yellow",
    Result.ERROR: "red",
    Result.LEFT_BEHIND: "red",
}


def summarize(terminal: Any) -> None:
    """Write the section `chaos`."""
    reports = [one for one in _reports(terminal) if "chaos" in one.keywords]
    told = {one.nodeid: found for one in reports if (found := _told(one))}
    skipped = [one for one in reports if getattr(one, "chaos", "") == NO_ENGINE and one.skipped]
    left = [one for one in reports if getattr(one, "chaos", "") == LEFT_BEHIND]
    if not (told or skipped or left):
        return
    terminal.section("chaos", sep="=")
    for nodeid, found in sorted(told.items()):
        result = Result(found["chaos_result"])
        terminal.write(f"{result.symbol} {result.value}", **{_COLOURS[result]: True})
        terminal.line(f"  {nodeid}: {found['chaos_sentence']}")
        terminal.line(f"    {found['chaos_report']}")
    if skipped:
        count = len(skipped)
        words = f"{count} chaos {'test was' if count == 1 else 'tests were'} SKIPPED, and nothing"
        why = str(skipped[0].longrepr[2] if isinstance(skipped[0].longrepr, tuple) else "")
        terminal.line(f"{words} was proven: {why}", yellow=True, bold=True)
    for one in left:
        words = f"A FAULT OR A CONTAINER MAY BE LEFT BEHIND by {one.nodeid}; see above, and run:"
        terminal.line(f"{words} chaoskit recover", red=True, bold=True)


def _reports(terminal: Any) -> Iterator[Any]:
    for found in terminal.stats.values():
        yield from (one for one in found if hasattr(one, "user_properties"))


def _told(report: Any) -> dict[str, str]:
    """The last of what was told of a test; it may have been judged more than once."""
    found = dict(report.user_properties)
    return found if "chaos_result" in found else {}
