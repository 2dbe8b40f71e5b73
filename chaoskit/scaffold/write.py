"""Files onto the disk: all of them new, or none at all."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from chaoskit.errors import InputError, Problem
from chaoskit.plan.composefile import NAMES
from chaoskit.plan.schema import experiment_schema, target_schema
from chaoskit.scaffold import files
from chaoskit.scaffold.entries import Entry
from chaoskit.scaffold.files import Frame
from chaoskit.scaffold.ideas import Idea
from chaoskit.scaffold.survey import Survey

SCHEMAS = ".chaoskit"  # beside the folder of the targets


def target_name(compose: Path, model_name: str) -> str:
    """A name for the target: the folder's, in letters that images and projects may have."""
    folder = compose.resolve().parent.name
    for word in (folder, model_name):
        name = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")
        if name:
            return name
    return "app"


def relative_compose(compose: Path, folder: Path) -> str:
    """How target.yaml names the Compose file; "" when it is found in the folder without a word."""
    relative = os.path.relpath(compose.resolve(), folder.resolve())
    return "" if relative in NAMES else relative


def contents(
    frame: Frame,
    survey: Survey,
    entries: tuple[Entry, ...],
    ideas: tuple[Idea, ...],
    folders: tuple[Path, Path],
) -> dict[Path, str]:
    """Path → text of everything that belongs to a target; `folders` are its own and its experiments'."""
    target, experiments = folders
    found = {target / "target.yaml": files.target_file(frame, survey, entries)}
    if override := files.no_restart_file(survey):
        found[target / files.NO_RESTART] = override
    for idea in ideas:
        path = experiments / f"{frame.order[idea.slug]:02}-{idea.slug}.yaml"
        found[path] = files.experiment_file(frame, idea, survey)
    return found


def schema_name(kind: str) -> str:
    """The file of a schema."""
    return f"{kind}.schema.json"


def schema_files(folder: Path) -> dict[Path, str]:
    """Path → text of the schemas that the first line of each file points at."""
    schemas = {"target": target_schema(), "experiment": experiment_schema()}
    return {
        folder / schema_name(kind): json.dumps(one, indent=2) + "\n"
        for kind, one in schemas.items()
    }


def refuse_present(paths: Iterable[Path]) -> None:
    """Raise InputError naming those files that are there."""
    there = [path for path in paths if os.path.lexists(path)]
    if there:
        hint = "nothing is ever overwritten: move it away, or choose another --name"
        raise InputError(
            [Problem(file=str(one), message="is there already", hint=hint) for one in there]
        )


def write_new(texts: Mapping[Path, str]) -> None:
    """Write files that are not there yet. Raises InputError naming those that are, and writes none."""
    refuse_present(texts)
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        where = str(error.filename or "the files")
        raise InputError(
            Problem(file=where, message=f"cannot be written: {error.strerror}")
        ) from None
