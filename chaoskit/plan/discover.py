"""Finds experiment files in folders."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaoskit.errors import InputError, NothingSelected, Problem
from chaoskit.plan.report import suggest

SUFFIXES = {".yaml", ".yml", ".json"}

# Broken files must be found too, so this looks at words and not at structure.
_LOOKS_LIKE_ONE = (
    rb"""(?m)^["']?(method|steady-state-hypothesis)["']?\s*:"""  # YAML, at the margin
    rb"""|^[\s{,]*("method"\s*:\s*\[|"steady-state-hypothesis"\s*:)"""  # JSON, anywhere
)
_ENOUGH_BYTES = 1024 * 1024


def find(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Experiment files: those that are named, and those in the folders that are named, sorted.

    Raises InputError for paths that do not exist, NothingSelected when there is no experiment.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise InputError([_no_such(path) for path in missing])
    found: dict[Path, Path] = {}
    for path in paths:
        for one in sorted(_in_folder(path)) if path.is_dir() else [path]:
            found.setdefault(one.resolve(), one)
    if not found:
        searched = ", ".join(map(str, paths)) or "nothing"
        message = (
            f"no experiment found in {searched}; an experiment is a .yaml, .yml or .json file "
            "with a steady-state-hypothesis and a method"
        )
        raise NothingSelected(message)
    return tuple(found.values())


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() not in SUFFIXES or hidden or not path.is_file():
            continue
        if looks_like_one(path):
            yield path


def looks_like_one(path: Path) -> bool:
    """Whether a file is meant to be an experiment, however broken it is."""
    with path.open("rb") as file:
        return re.search(_LOOKS_LIKE_ONE, file.read(_ENOUGH_BYTES)) is not None


def _no_such(path: Path) -> Problem:
    near = path.parent
    names = sorted(str(one) for one in near.glob("*")) if near.is_dir() else []
    files = [one for one in names if Path(one).suffix in SUFFIXES or Path(one).is_dir()]
    hint = suggest(str(path), files) if files else ""
    return Problem(file=str(path), message="no such file or folder", hint=hint)
