"""What a run has to say to whoever reads a pull request: a few lines, each at its place in a file.

Readers cut such lists off without a word, so the worst comes first and nothing is said twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from chaoskit.errors import ChaoskitError, InputError, LiftFailed
from chaoskit.model.journal import ExperimentRecord, Journal
from chaoskit.reporters.figures import budget_figures
from chaoskit.reporters.text import one_line, redact
from chaoskit.reporters.wording import Result, result_of, verdict_words

_TEXT_LIMIT = 2_000
_PATH_LIMIT = 1_000


class Level(StrEnum):
    """How loud a finding is."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing worth a line in a review."""

    level: Level
    title: str
    message: str
    file: str = ""  # "" when it belongs to no file
    line: int = 0
    column: int = 0


_LEVELS = {
    Result.LEFT_BEHIND: Level.ERROR,
    Result.ERROR: Level.ERROR,
    Result.FAILED: Level.ERROR,
    Result.INCONCLUSIVE: Level.WARNING,
    Result.EXPECTED: Level.NOTICE,
}
_ORDER = tuple(_LEVELS)


def findings(journal: Journal, others: Iterable[Finding] = ()) -> tuple[Finding, ...]:
    """The worst first: the run's own, those of its experiments, and `others` among their equals."""
    of_run = [_said(Level.ERROR, "May be left behind", one) for one in journal.left_behind]
    if journal.trouble:
        of_run.append(_said(Level.ERROR, "The run did not finish", journal.trouble))
    elif journal.interrupted_by or not journal.ended_wall:
        what = f"Interrupted by {journal.interrupted_by}" if journal.interrupted_by else "It died"
        of_run.append(_said(Level.WARNING, "The run did not finish", what))
    told = [one for one in journal.experiments if result_of(one) in _LEVELS]
    told.sort(key=lambda one: _ORDER.index(result_of(one)))
    found = [*of_run, *map(_of_experiment, told), *others]
    return tuple(sorted(found, key=lambda one: list(Level).index(one.level)))


def findings_of_error(error: ChaoskitError) -> tuple[Finding, ...]:
    """What kept a run from starting, each mistake at its place."""
    if isinstance(error, InputError):
        return tuple(
            Finding(
                level=Level.ERROR,
                title="Nothing was started",
                message=one_line(
                    "; ".join(filter(None, (one.message, one.hint))), limit=_TEXT_LIMIT
                ),
                file=one.file if one.line or Path(one.file).is_file() else "",
                line=one.line,
                column=one.column,
            )
            for one in error.problems
        )
    title = "May be left behind" if isinstance(error, LiftFailed) else "Nothing was started"
    return (_said(Level.ERROR, title, str(error)),)


def line_of(record: ExperimentRecord) -> int:
    """The line that a reader should look at: the first missed budget's, or the experiment's."""
    missed = (one.budget for one in budget_figures(record) if one.kept is False and one.budget)
    lines = [budget.line for budget in missed if budget.line]
    return lines[0] if lines else record.line


def _of_experiment(record: ExperimentRecord) -> Finding:
    judgement, result = record.judgement, result_of(record)
    verdict = verdict_words(judgement.verdict) if judgement else "not judged"
    sentence = judgement.sentence if judgement else "The run ended before this was judged."
    suffix = ", as expected" if result is Result.EXPECTED else ""
    return Finding(
        level=_LEVELS[result],
        title=one_line(f"{record.name}: {verdict}{suffix}", limit=200),
        message=one_line(redact(sentence), limit=_TEXT_LIMIT),
        file=one_line(record.file, limit=_PATH_LIMIT),
        line=line_of(record),
    )


def _said(level: Level, title: str, message: str) -> Finding:
    return Finding(level=level, title=title, message=one_line(redact(message), limit=_TEXT_LIMIT))


def limited(found: Iterable[Finding], most: int) -> tuple[Finding, ...]:
    """At most so many of each level; the last of a level that is too long counts the rest."""
    kept: list[Finding] = []
    for level in Level:
        of_level = [one for one in found if one.level is level]
        if len(of_level) > most:
            rest = of_level[most - 1 :]
            names = one_line("; ".join(one.title for one in rest), limit=_TEXT_LIMIT)
            title = f"{len(rest)} more of this kind"
            of_level = [*of_level[: most - 1], Finding(level=level, title=title, message=names)]
        kept += of_level
    return tuple(kept)
