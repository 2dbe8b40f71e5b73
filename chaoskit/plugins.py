"""What other packages add to the shelves: found by entry points, refused clearly, never fatal.

    [project.entry-points."chaoskit.faults"]
    freeze = "my_package.freeze:Freeze"

A package that cannot be used costs its own entries and nothing else: every refusal is one line,
which `chaoskit list` and `chaoskit doctor` show, and which whoever asks for the name is told.

The files are read here and not by importlib.metadata, whose import alone takes a third of the time
that `chaoskit validate` has.
"""

import importlib
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

FAULTS = "chaoskit.faults"
PROBES = "chaoskit.probes"
HEALERS = "chaoskit.healers"
REPORTERS = "chaoskit.reporters"
LEDGERS = "chaoskit.ledgers"
AGENT_KINDS = "chaoskit.agent_kinds"
GROUPS = (FAULTS, PROBES, HEALERS, REPORTERS, LEDGERS, AGENT_KINDS)

_WORD = re.compile(r"[a-z][a-z0-9_-]*")
_FOLDER = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+).*\.(dist|egg)-info")

T = TypeVar("T")


class Unusable(Exception):
    """What a package offers cannot be used; the message is one line for people."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One entry of one package."""

    group: str  # "chaoskit.faults"
    name: str  # what it is called on the shelf
    value: str  # "my_package.freeze:Freeze"
    package: str  # "my-package 1.0"

    @property
    def module(self) -> str:
        """The module that it is in."""
        return self.value.partition(":")[0].strip()

    @property
    def what(self) -> str:
        """`fault 'freeze'`."""
        return f"{_singular(self.group)} {self.name!r}"

    def load(self) -> object:
        """What the entry names. Raises Unusable, whatever the package's code does."""
        _, _, path = self.value.partition(":")
        try:
            found: object = importlib.import_module(self.module)
            for attribute in filter(None, path.strip().split(".")):
                found = getattr(found, attribute)
        except (Exception, SystemExit) as error:  # somebody else's code may do anything
            words = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"{self.value} cannot be loaded ({words})"
            raise Unusable(message) from error
        return found


@dataclass(frozen=True, kw_only=True)
class Stock(Generic[T]):
    """A shelf with what packages added to it."""

    entries: Mapping[str, T]
    packages: Mapping[str, str] = field(default_factory=dict)  # entry → package, of added ones
    refused: Mapping[str, str] = field(default_factory=dict)  # entry → why, in one line


def stock(group: str, own: Mapping[str, T], accept: Callable[[Plugin, object], T]) -> Stock[T]:
    """Our own shelf and what packages add to it, sorted by name; see `added`."""
    more = added(group, own, accept)
    entries = dict(sorted({**own, **more.entries}.items()))
    return Stock(entries=entries, packages=more.packages, refused=more.refused)


def added(group: str, taken: Collection[str], accept: Callable[[Plugin, object], T]) -> Stock[T]:
    """What packages add to a shelf on which some names are taken.

    `accept` makes an entry of what was loaded, or raises Unusable. Never raises itself.
    """
    entries: dict[str, T] = {}
    packages, refused = {}, {}
    for plugin in in_group(group):
        try:
            _check_name(plugin, taken)
            entries[plugin.name] = accept(plugin, plugin.load())
        except Unusable as error:
            refused[plugin.name] = f"{plugin.what} of {plugin.package} cannot be used: {error}"
        else:
            packages[plugin.name] = plugin.package
    return Stock(entries=entries, packages=packages, refused=refused)


def in_group(group: str) -> tuple[Plugin, ...]:
    """The entries of one group, by name and package."""
    return tuple(one for one in installed() if one.group == group)


def by_module(group: str, module: str) -> Plugin | None:
    """The entry that is in a module, if one is; nothing is imported."""
    return next((one for one in in_group(group) if one.module == module), None)


def _check_name(plugin: Plugin, taken: Collection[str]) -> None:
    """A name means one thing. Nobody wins by the order of a folder: clashing packages both lose."""
    if not _WORD.fullmatch(plugin.name):
        message = "its name must be of small letters, digits, - and _, and begin with a letter"
        raise Unusable(message)
    if plugin.name in taken:
        message = f"chaoskit itself has a {_singular(plugin.group)} of this name"
        raise Unusable(message)
    twins = {one.package for one in in_group(plugin.group) if one.name == plugin.name}
    if len(twins) > 1:
        message = f"{' and '.join(sorted(twins))} have the same name; remove one of them"
        raise Unusable(message)


def _singular(group: str) -> str:
    return group.removeprefix("chaoskit.").replace("_", " ").removesuffix("s")


@cache
def installed() -> tuple[Plugin, ...]:
    """Every entry for us of every installed package. The first folder on sys.path that has a
    package wins, as for imports.
    """
    seen: set[str] = set()
    found: list[Plugin] = []
    for folder in dict.fromkeys(sys.path):
        for name, package, file in _packages(Path(folder or ".")):
            if name not in seen:
                seen.add(name)
                found += _entries(file, package)
    return tuple(sorted(found, key=lambda one: (one.group, one.name, one.package)))


def _packages(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Normalized name, name and version, and the entry points of what is installed in a folder."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:  # not there, no folder, or a zip file: nothing of ours is installed in those
        return
    for name in names:
        if name.endswith(".egg-info"):
            match = re.match(r"(?P<name>[^-]+)()", name.removesuffix(".egg-info"))
        else:
            match = _FOLDER.fullmatch(name)
        if match is not None:
            version = match.groupdict().get("version", "")
            normal = re.sub(r"[-_.]+", "-", match["name"]).lower()
            yield normal, f"{normal} {version}".strip(), folder / name / "entry_points.txt"


def _entries(file: Path, package: str) -> Iterator[Plugin]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    group = ""
    for line in map(str.strip, text.splitlines() if "[chaoskit." in text else ()):
        if line.startswith("["):
            group = line.strip("[]").strip()
        elif group in GROUPS and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            value = value.partition("[")[0].strip()  # extras, of which we know none
            yield Plugin(group=group, name=name.strip(), value=value, package=package)
