"""Several runs made one: the shards of a suite put together, or any runs in one report.

runs on disk ─▶ checked ─▶ evidence linked ─▶ Journal ─▶ judged anew ─▶ reports

What cannot be put together is refused before anything is written. What is missing is never passed
over: a suite without one of its shards is inconclusive at best.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chaoskit import pipeline
from chaoskit.errors import EnvironmentUnfit, InputError
from chaoskit.joining.journal import RUNS, journal_of
from chaoskit.joining.sources import (
    Source,
    names,
    namesakes,
    proven,
    shard_problems,
    sources_of,
)
from chaoskit.model.journal import Journal
from chaoskit.run.folder import JOURNAL, RunFolder, new_run_id


@dataclass(frozen=True, kw_only=True)
class Joined:
    """What came of it, and what a person should know about it."""

    finished: pipeline.Finished
    notes: tuple[str, ...] = ()


def merge(paths: Sequence[Path], reports: Path) -> Joined:
    """Put the shards of a suite together. Every experiment may be in one run only.

    Raises InputError with everything that is wrong with any of the runs.
    """
    sources, notes = sources_of(paths)
    problems = [*shard_problems(sources), *namesakes(sources)]
    if problems:
        raise InputError(problems)
    joined = _join(sources, reports)
    pipeline.remember(joined.finished.journal, reports)
    return replace(joined, notes=(*notes, *joined.notes))


def together(paths: Sequence[Path], reports: Path) -> Joined:
    """Any runs in one report; an experiment that is in several of them is named with its run.

    Raises InputError with everything that is wrong with any of the runs.
    """
    sources, notes = sources_of(paths)
    count = Counter(name for source in sources for name in {*names(source), *proven(source)})
    apart = [replace(one, journal=_named_apart(one.journal, count)) for one in sources]
    joined = _join(apart, reports)
    return replace(joined, notes=(*notes, *joined.notes))


def _named_apart(journal: Journal, count: Mapping[str, int]) -> Journal:
    """Its names with the run's, where another run has them; arms of two runs are no one proof."""

    def apart(name: str) -> str:
        return f"{name} ({journal.run_id})" if count[name] > 1 else name

    records = tuple(
        replace(one, name=apart(one.name), arm=one.arm and replace(one.arm, of=apart(one.arm.of)))
        for one in journal.experiments
    )
    return replace(journal, experiments=records)


def _join(sources: Sequence[Source], reports: Path) -> Joined:
    """Write the joined run, judged anew, with its reports."""
    run_id = new_run_id()
    folder = RunFolder.create(reports, run_id)
    for source in sources:
        _link(source.folder.path, folder.path / RUNS / source.journal.run_id)
    journal = journal_of([one.journal for one in sources], run_id)
    judged = pipeline.judge_facts(journal, folder)
    trouble = pipeline.render(judged, folder)
    finished = pipeline.Finished(journal=judged, folder=folder, trouble=trouble)
    return Joined(finished=finished, notes=(*_differing(sources), *_changed(journal, judged)))


def _differing(sources: Sequence[Source]) -> Iterator[str]:
    """What should be the same of shards and is not: the verdicts are then of different systems."""
    for what in ("commit", "machine"):
        found = {str(one.journal.environment.get(what, "")): one for one in sources}
        if len(found) > 1:
            said = ", ".join(f"{value or 'unknown'} ({one.place})" for value, one in found.items())
            yield f"the runs are not of one {what}: {said}"


def _changed(before: Journal, after: Journal) -> Iterator[str]:
    """Verdicts that the evidence does not bear out: an edited journal, or another version's."""
    for old, new in zip(before.experiments, after.experiments, strict=True):
        told = old.judgement.verdict.value if old.judgement else "not judged"
        found = new.judgement.verdict.value if new.judgement else "not judged"
        if told != found:
            yield f"{new.name} was stored as {told}; by its evidence it is {found}"


def _link(source: Path, to: Path) -> None:
    """The whole run, as hard links where the disk allows: evidence is written once and never changed."""
    try:
        shutil.copytree(source, to, symlinks=True, copy_function=_linked)
    except (OSError, shutil.Error) as error:
        message = f"{source} cannot be taken along to {to}: {error}"
        raise EnvironmentUnfit(message) from None


def _linked(source: str, to: str) -> None:
    if Path(source).name == JOURNAL:
        shutil.copy2(source, to)  # `judge` on the source replaces it
        return
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)
