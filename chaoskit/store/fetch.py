"""Stored runs that lie in a store, brought to this machine so that everything else sees folders.

Names come from whoever can write to the store; none of them may lead out of the folder they are
brought to.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from chaoskit.errors import EnvironmentUnfit, InputError, Problem
from chaoskit.model import codec
from chaoskit.model.journal import Journal
from chaoskit.run.folder import JOURNAL
from chaoskit.store.address import Store, is_url, store_of
from chaoskit.store.patience import ASK_S, StoreAway, within

_MOST_RUNS = 200
_TOGETHER = 32
_STEP_S = 120.0
_BYTES_S = 100_000
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@contextmanager
def at_hand(runs: Sequence[str | Path], reports: Path) -> Iterator[tuple[Path, ...]]:
    """The folders of runs, some of them named by URL; what was brought is gone afterwards.

    Raises InputError for what is no run, EnvironmentUnfit for a store that does not answer.
    """
    if not any(map(is_url, runs)):
        yield tuple(map(Path, runs))
        return
    with _room(reports) as room:
        found: list[Path] = []
        for number, one in enumerate(runs):
            found += (
                _bring(store_of(str(one), "RUN"), room / str(number))
                if is_url(one)
                else [Path(one)]
            )
        yield tuple(found)


def kept(url: str, reports: Path) -> Path:
    """One run of a store, in a folder of its own under `reports`; as at_hand otherwise."""
    with at_hand([url], reports) as folders:
        if len(folders) != 1:
            names = ", ".join(one.name for one in folders[:5])
            message = f"holds {len(folders)} runs: {names}"
            raise InputError(Problem(file=url, message=message, hint="name one, or several"))
        here = reports / folders[0].name
        if here.exists():
            hint = f"`chaoskit report {here}` renders that one; --reports names another folder"
            message = f"is there already: {here}"
            raise InputError(Problem(file=url, message=message, hint=hint))
        folders[0].rename(here)
        return here


def journals(url: str) -> tuple[list[Journal], list[str]]:
    """The journals of the runs at a URL or right below it, and what of them could not be read.

    Raises InputError when there is no run, EnvironmentUnfit for a store that does not answer.
    """
    store = store_of(url, "FILE")
    found, skipped = [], []
    with _answering(store) as (file_system, path):
        for run in _found(store, file_system, path):
            content = within(ASK_S, partial(file_system.cat_file, f"{run}/{JOURNAL}"))
            source = f"{store.url}: {PurePosixPath(run).name}/{JOURNAL}"
            try:
                found.append(codec.load(content.decode("utf-8", "replace"), source=source))
            except InputError as error:
                skipped.append(f"{error.problems[0]} is skipped")
    return found, skipped


@contextmanager
def _room(reports: Path) -> Iterator[Path]:
    """A folder beside the runs: on the same disk, so that evidence can be linked."""
    try:
        reports.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".fetched-", dir=reports))
    except OSError as error:
        message = f"{reports} cannot hold a run: {error.strerror or error}; see --reports"
        raise EnvironmentUnfit(message) from None
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _bring(store: Store, room: Path) -> list[Path]:
    """Every run that lies at the place, or right below it."""
    with _answering(store) as (file_system, path):
        return [_copy(file_system, run, room) for run in _found(store, file_system, path)]


@contextmanager
def _answering(store: Store) -> Iterator[tuple[Any, str]]:
    """The store's file system, and the path in it; what it does not answer is told with its URL."""
    try:
        yield store.connect()
    except (StoreAway, OSError) as error:
        message = f"{store.url} cannot be read: {error}"
        raise EnvironmentUnfit(message) from None


def _found(store: Store, file_system: Any, path: str) -> list[str]:
    """The paths of the runs there. Raises InputError when there is none, or far too many."""
    runs = within(ASK_S, partial(_runs, file_system, path))
    if not 0 < len(runs) <= _MOST_RUNS:
        raise InputError(_wrong_number(store, len(runs)))
    return runs


def _runs(file_system: Any, path: str) -> list[str]:
    """The paths of runs: of this one, or of those right below."""
    try:
        here = [str(one["name"]).rstrip("/") for one in file_system.ls(path, detail=True)]
    except FileNotFoundError:
        return []
    if any(PurePosixPath(one).name == JOURNAL for one in here):
        return [path]
    return sorted(one for one in here if file_system.exists(f"{one}/{JOURNAL}"))


def _wrong_number(store: Store, count: int) -> Problem:
    if count:
        message = f"holds {count} runs, and {_MOST_RUNS} at most are read at a time"
        return Problem(file=store.url, message=message, hint="name fewer, one by one")
    message = "is not a run, and there is none right below it: no journal.json"
    return Problem(file=store.url, message=message, hint="name URL/RUN, or the prefix of runs")


def _copy(file_system: Any, run: str, room: Path) -> Path:
    """One run. Raises InputError for names that are no names of a run's files."""
    listed = within(_STEP_S, partial(file_system.find, run, detail=True))
    name = PurePosixPath(run).name
    here = room / (name if _RUN.fullmatch(name) else "run")
    files = {source: here / _inside(source, run) for source in listed}
    sources = list(files)
    for at in range(0, len(sources), _TOGETHER):
        step = {one: files[one] for one in sources[at : at + _TOGETHER]}
        size = sum(int(listed[one].get("size") or 0) for one in step)
        within(_STEP_S + size / _BYTES_S, partial(_get, file_system, step))
    return here


def _inside(source: str, run: str) -> PurePosixPath:
    inside = PurePosixPath(source).relative_to(run)
    if inside.is_absolute() or ".." in inside.parts:
        message = f"a file of a run lies outside of it: {source!r}"
        raise InputError(Problem(file=run, message=message, hint="remove it from the store"))
    return inside


def _get(file_system: Any, files: dict[str, Path]) -> None:
    for here in files.values():
        here.parent.mkdir(parents=True, exist_ok=True)
    if file_system.async_impl:
        file_system.get(list(files), [str(one) for one in files.values()])
        return
    for source, here in files.items():
        file_system.get_file(source, str(here))
