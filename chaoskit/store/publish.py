"""A run's folder, copied to a store when the run is over.

The undo log and the Compose files as they were run stay here: values of the target's environment and
pod templates stand in them. The journal goes last, so that half a copy is never taken for a run.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from chaoskit.errors import EnvironmentUnfit, Exit, NotPublished
from chaoskit.run.folder import JOURNAL
from chaoskit.run.undo_log import LEDGER
from chaoskit.store.address import Store
from chaoskit.store.patience import ASK_S, StoreAway, within

MARKER = "chaoskit.txt"
PRIVATE = (LEDGER, "compose")  # files and folders, wherever they lie in a run
_MARKED = (
    b"Runs of chaoskit, one folder each. `chaoskit report URL/RUN` renders one of them again.\n"
)
_TOGETHER = 32
_STEP_S = 120.0
_BYTES_S = 100_000  # a store that takes less a second is given up


def refuse_unfit(store: Store) -> None:
    """Write a small file there, so that what cannot be kept is known before anything is broken.

    Raises EnvironmentUnfit. Only the right to write is needed.
    """
    file_system, path = store.connect()
    try:
        within(ASK_S, partial(file_system.pipe_file, f"{path}/{MARKER}", _MARKED))
    except (StoreAway, FileNotFoundError) as error:
        message = f"{store.option}: nothing can be written to {store.url}: {error}"
        raise EnvironmentUnfit(message) from None


def publish(folder: Path, store: Store) -> str:
    """Copy a run's folder to URL/<run id>/; the URL. Raises NotPublished; the folder stays."""
    folder = folder.resolve()
    url = f"{store.url}/{folder.name}"
    sent, files = 0, public(folder)
    try:
        file_system, path = store.connect()
        for step in _steps(files):
            size = sum((folder / one).stat().st_size for one in step)
            pairs = {str(folder / one): f"{path}/{folder.name}/{one}" for one in step}
            within(_STEP_S + size / _BYTES_S, partial(put, file_system, pairs))
            sent += len(step)
    except (StoreAway, OSError, EnvironmentUnfit) as error:
        message = (
            f"the run was not published to {url}: {error} ({sent} of {len(files)} files went "
            f"there); all of it is in {folder}"
        )
        raise NotPublished(message) from None
    return url


def exit_code(code: int, failed: NotPublished | None) -> int:
    """The run's own code, which nothing hides; only a pass becomes "not published"."""
    return int(Exit.NOT_PUBLISHED) if failed is not None and code == Exit.PASS else code


def public(folder: Path) -> list[str]:
    """The files of a run that may leave this machine, relative to its folder; the journal last."""
    names = [one.relative_to(folder) for one in sorted(folder.rglob("*")) if one.is_file()]
    chosen = [
        one.as_posix()
        for one in names
        if not (folder / one).is_symlink()
        and not any(part in PRIVATE or part.startswith(".") for part in one.parts)
    ]
    return [*(one for one in chosen if one != JOURNAL), *(one for one in chosen if one == JOURNAL)]


def put(file_system: Any, pairs: dict[str, str]) -> None:
    """Copy local files to paths of a store: side by side where the driver can."""
    if file_system.async_impl:
        file_system.put(list(pairs), list(pairs.values()))
        return
    for local, remote in pairs.items():
        file_system.put_file(local, remote)


def _steps(files: list[str]) -> Iterator[list[str]]:
    """A few dozen at a time, and the last one, the journal, by itself."""
    before = files[:-1]
    yield from (before[at : at + _TOGETHER] for at in range(0, len(before), _TOGETHER))
    yield files[-1:]
