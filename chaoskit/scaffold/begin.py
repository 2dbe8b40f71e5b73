"""`chaoskit init`, from a Compose file to written files; the command only speaks."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import InputError, Problem
from chaoskit.plan.composefile import NAMES, compose_file_in
from chaoskit.plan.report import suggest
from chaoskit.scaffold.entries import Entry, find_entries
from chaoskit.scaffold.files import Frame
from chaoskit.scaffold.ideas import Idea, think
from chaoskit.scaffold.survey import Model, Survey, survey
from chaoskit.scaffold.write import (
    SCHEMAS,
    contents,
    relative_compose,
    schema_files,
    schema_name,
    target_name,
    write_new,
)
from chaoskit.target.compose_cli import read_model

_PROJECT = "chaoskit-init"
_OVERRIDES = (
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for."""

    compose: Path | None  # None: the one in the current folder
    targets: Path
    experiments: Path
    name: str = ""
    path: str = ""  # the page that users need
    most: int = 8


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What was written, and what should be said about it."""

    name: str
    survey: Survey
    entries: tuple[Entry, ...]
    ideas: tuple[Idea, ...]
    written: tuple[Path, ...]
    first: Path  # the experiment to try first
    notes: tuple[str, ...]


def begin(wish: Wish) -> Begun:
    """Read the Compose file, think, and write. Raises InputError; then nothing was written."""
    compose = _compose_file(wish.compose)
    model, warnings = read_model([compose], _PROJECT)
    found = survey(model)
    entries = find_entries(found)
    if not any(one.front for one in entries):
        raise InputError(_nothing_to_ask(compose, found))
    ideas = think(found, entries)[: wish.most]
    name = wish.name or target_name(compose, str(model.get("name") or ""))
    target, experiments = wish.targets / name, wish.experiments / name
    schemas = wish.targets.parent / SCHEMAS
    frame = Frame(
        target=name,
        title=f"{name}, as {compose.name} has it",
        compose=relative_compose(compose, target),
        schemas={
            "target": os.path.relpath(schemas / schema_name("target"), target),
            "experiment": os.path.relpath(schemas / schema_name("experiment"), experiments),
        },
        path=wish.path,
        order={one.slug: number for number, one in enumerate(ideas, 1)},
    )
    texts = contents(frame, found, entries, ideas, (target, experiments))
    write_new(
        {
            **{path: text for path, text in schema_files(schemas).items() if not path.exists()},
            **texts,
        }
    )
    return Begun(
        name=name,
        survey=found,
        entries=entries,
        ideas=ideas,
        written=tuple(texts),
        first=next(path for path in texts if path.parent == experiments),
        notes=tuple(_notes(compose, model, found, warnings)),
    )


def _compose_file(given: Path | None) -> Path:
    path = given or compose_file_in(Path())
    if path is None:
        message = "no Compose file here"
        hint = f"name one: chaoskit init PATH, or have one of {', '.join(NAMES)} here"
        raise InputError(Problem(file=".", message=message, hint=hint))
    if path.is_dir():
        inside = compose_file_in(path)
        if inside is None:
            message = "no Compose file in this folder"
            raise InputError(Problem(file=str(path), message=message, hint=f"expected {NAMES[0]}"))
        return inside
    if not path.is_file():
        there = sorted(str(one) for one in path.parent.glob("*.y*ml"))
        hint = suggest(str(path), there) if there else ""
        raise InputError(Problem(file=str(path), message="no such file or folder", hint=hint))
    return path


def _nothing_to_ask(compose: Path, found: Survey) -> Problem:
    names = ", ".join(one.name for one in found.services) or "none"
    return Problem(
        file=str(compose),
        message="no service publishes or exposes a TCP port, so nothing can be asked from outside",
        hint=f'add e.g. expose: ["8080"] to the service that users need (services: {names})',
    )


def _notes(compose: Path, model: Model, found: Survey, warnings: tuple[str, ...]) -> Iterable[str]:
    yield from warnings
    override = next((name for name in _OVERRIDES if (compose.parent / name).exists()), None)
    if override:
        yield f"{override} is beside {compose.name} and is not used: a run takes the one file alone"
    everything, _ = read_model([compose], _PROJECT, all_profiles=True)
    left_out = sorted(set(everything.get("services") or ()) - set(model.get("services") or ()))
    if left_out:
        yield f"left out, since only a profile starts them: {', '.join(left_out)}"
    borrowed = [one.name for one in found.services if not one.own_network]
    if borrowed:
        yield (
            f"{', '.join(borrowed)}: network_mode gives it no network of its own, so its ports cannot be "
            "moved aside, and network faults on it are refused"
        )
    images = sorted({one.image for one in found.services if one.image})
    if images:
        yield (
            "not built from here, so they must be on the engine or come from a registry: "
            f"{', '.join(images)}; `chaoskit doctor` says which are missing"
        )
