"""Reads TOML into the same tree as YAML, so that a mistake in it is told with its line as well.

tomllib says what a file means and not where; the places come from a second look at the lines. A
value within an array or an inline table has the place of its key, which is where one looks first.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.plan.report import Report
from chaoskit.plan.tree import Fields, Items, Node, Place, Scalar

_HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"' -]+?)\s*=")
_MISTAKE = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)")
_MAX_BYTES = 1024 * 1024

Places = dict[tuple[str, ...], Place]


def read_toml(path: Path, report: Report) -> Fields | None:
    """The tree of a file, or None when it cannot be read; every mistake goes to the report."""
    text = _text_of(path, report)
    if text is None:
        return None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _broken(str(error), text, report)
        return None
    tree = _node(values, (), _places(text), Place(1, 1))
    assert isinstance(tree, Fields), "a TOML file is a table"
    return tree


def _text_of(path: Path, report: Report) -> str | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        report.add(None, f"cannot be read: {error.strerror or error}")
        return None
    if len(raw) > _MAX_BYTES:
        report.add(None, "is larger than 1 MiB", "settings are a page of text")
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(raw.count(b"\n", 0, error.start) + 1, 1)
        report.add(place, f"is not UTF-8: byte 0x{raw[error.start]:02x}", "save the file as UTF-8")
        return None


def _broken(said: str, text: str, report: Report) -> None:
    found = _MISTAKE.fullmatch(said)
    last = Place(text.count("\n") + 1, 1)
    place = Place(int(found["line"]), int(found["column"])) if found else last
    report.add(place, f"broken TOML: {found['what'] if found else said}")


def _places(text: str) -> Places:
    """Where each key stands, by its path."""
    places: Places = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        column = len(line) - len(line.lstrip()) + 1
        if header := _HEADER.match(line):
            table = _path(header[1])
            places.setdefault(table, Place(number, column))
        elif key := _KEY.match(line):
            places.setdefault((*table, *_path(key[1])), Place(number, column))
    return places


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _node(value: Any, path: tuple[str, ...], places: Places, near: Place) -> Node:
    place = places.get(path, near)
    if isinstance(value, Mapping):
        fields = Fields(place)
        for key, one in value.items():
            inner = (*path, key)
            fields.fields[key] = _node(one, inner, places, place)
            fields.keys[key] = Scalar(places.get(inner, place), key, key, quoted=True)
        return fields
    if isinstance(value, list):
        items = Items(place)
        items.items = [_node(one, (), {}, place) for one in value]
        return items
    known = value if isinstance(value, str | int | float | bool) else str(value)
    return Scalar(place, known, str(value), quoted=True)
