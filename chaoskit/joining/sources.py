"""The runs that are to be joined: found, read, and refused where they do not belong together."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from chaoskit.errors import InputError, Problem
from chaoskit.model.journal import ExperimentRecord, Journal, TrialRecord
from chaoskit.run.folder import JOURNAL, RunFolder

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # what may become a folder of ours
_EDITED = "a journal is written by chaoskit and not edited by hand"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One of the runs."""

    folder: RunFolder
    journal: Journal

    @property
    def place(self) -> str:
        """Its folder, for messages."""
        return str(self.folder.path)


def sources_of(paths: Sequence[Path]) -> tuple[list[Source], list[str]]:
    """Every run that is meant, each once, in the order of their beginnings. Raises InputError."""
    found: dict[str, Source] = {}
    problems: list[Problem] = []
    notes = []
    for path in _folders(paths, problems):
        try:
            folder = RunFolder.open(path)
            one = Source(folder=folder, journal=folder.read_journal())
        except InputError as error:
            problems += error.problems
            continue
        other = found.setdefault(one.journal.run_id, one)
        if other.journal != one.journal:
            message = f"is the run {one.journal.run_id}, and says something else than {other.place}"
            problems.append(Problem(file=str(path), message=message, hint="name one of them"))
        elif other is not one and other.folder.path != one.folder.path:
            notes.append(f"{path} is the same run as {other.place}, and counts once")
    sources = sorted(found.values(), key=lambda one: (one.journal.anchor.wall, one.journal.run_id))
    problems += [problem for source in sources for problem in _missing_evidence(source)]
    if problems:
        raise InputError(problems)
    return sources, notes


def _folders(paths: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    """The folders of runs: those that are named, and those that are in the folders that are named."""
    for path in paths:
        if (path / JOURNAL).is_file() or not path.is_dir():
            yield path
            continue
        inside = sorted(one.parent for one in path.rglob(JOURNAL))
        runs = [one for one in inside if not any(other in one.parents for other in inside)]
        if not runs:
            hint = "name a run's folder, or a folder with such folders in it"
            message = "is not a run, and there is none in it: no journal.json"
            problems.append(Problem(file=str(path), message=message, hint=hint))
        yield from runs


def _missing_evidence(source: Source) -> Iterator[Problem]:
    """A verdict is made anew from the evidence, so the evidence must have come along."""
    run_id = source.journal.run_id
    if not _PLAIN.fullmatch(run_id):
        message = f"the run_id {run_id[:80]!r} is no folder's name"
        yield Problem(file=f"{source.place}/{JOURNAL}", message=message, hint=_EDITED)
    for record in source.journal.experiments:
        for trial in record.trials:
            place = PurePosixPath(trial.folder)
            problem = None
            if place.is_absolute() or ".." in place.parts:
                problem = f"trial {trial.index} of {record.name} lies outside of its run: {place}"
            elif (
                _was_conclusive(trial)
                and not (source.folder.path / place / "samples.bin").is_file()
            ):
                problem = f"the evidence of trial {trial.index} of {record.name} is not in {place}"
            if problem:
                hint = "keep the whole folder of a run, not its journal alone"
                yield Problem(file=f"{source.place}/{JOURNAL}", message=problem, hint=hint)


def _was_conclusive(trial: TrialRecord) -> bool:
    return trial.judgement is not None and trial.judgement.verdict.conclusive


def shard_problems(sources: Sequence[Source]) -> Iterator[Problem]:
    """Shards of one suite, each once; or no shards at all."""
    shards = [(one, one.journal.shard) for one in sources]
    first = next(((one, shard) for one, shard in shards if shard is not None), None)
    if first is None:
        return
    model = first[1]
    seen: dict[int, Source] = {}
    for source, shard in shards:
        if shard is None:
            message = f"is a whole suite, and {first[0].place} is shard {model.index}/{model.of}"
            yield Problem(file=source.place, message=message, hint="`chaoskit report` shows both")
        elif (shard.of, shard.suite) != (model.of, model.suite):
            message = f"is shard {shard.index}/{shard.of} of another suite than {first[0].place}"
            hint = "shards need the same experiments, tags and number of parts"
            yield Problem(file=source.place, message=message, hint=hint)
        elif (other := seen.setdefault(shard.index, source)) is not source:
            message = f"is shard {shard.index}/{shard.of}, and so is {other.place}"
            yield Problem(file=source.place, message=message, hint="name one of them")


def namesakes(sources: Sequence[Source]) -> Iterator[Problem]:
    first: dict[str, tuple[Source, ExperimentRecord]] = {}
    for source in sources:
        for record in source.journal.experiments:
            other, its = first.setdefault(record.name, (source, record))
            if other is source:
                continue
            message = f"has {record.name} as {other.place} has"
            if its.hash != record.hash:
                message = f"{record.name} is another experiment in {other.place}: the files differ"
            hint = "merge joins the shards of one suite; `chaoskit report A B` shows both"
            yield Problem(file=source.place, message=message, hint=hint)


def names(source: Source) -> Iterable[str]:
    return {one.name for one in source.journal.experiments}


def proven(source: Source) -> Iterable[str]:
    """The experiments whose arms are in there, itself or not."""
    return {one.arm.of for one in source.journal.experiments if one.arm is not None}
