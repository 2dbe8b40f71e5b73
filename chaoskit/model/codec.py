"""The journal as text and back: what was written down must come back exactly, or not at all.

A journal is judged and rendered long after its run, by other versions and after other hands. A file
that is torn, edited or newer than we are is refused with what is wrong, never half understood.
pydantic is imported only when a journal is read or written: `--help` has no use for it.
"""

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaoskit.errors import InputError, Problem
from chaoskit.model.journal import SCHEMA, Journal

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_SCHEMA_NAME = re.compile(r"chaoskit/journal/v(\d+)")
_NO_NUMBER_IN_JSON = {math.inf: "Infinity", -math.inf: "-Infinity"}


def dump(journal: Journal) -> str:
    """The journal as indented JSON, newline at the end; the same bytes for the same journal."""
    plain = _finite(_adapter().dump_python(journal, mode="json"))
    return json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def load(text: str, *, source: str) -> Journal:
    """The journal that `text` holds; `source` is the file's name, for messages.

    Raises InputError for a torn file, for another or a newer schema, and for every field that is
    missing, unknown or of the wrong type, all at once.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    raw = _parse(text, source)
    _check_schema(raw, source)
    try:
        journal = _adapter().validate_python(raw)
    except ValidationError as invalid:
        found: dict[str, list[str]] = {}
        for error in invalid.errors(include_url=False, include_context=False):
            found.setdefault(error["msg"], []).append(_place(error["loc"]))
        told = [one for what, places in found.items() for one in _told(what, places)]
        raise InputError(
            [Problem(file=source, message=one, hint=_EDITED) for one in told]
        ) from None
    unknown = _unknown_keys(raw, _adapter().dump_python(journal, mode="json"))
    if unknown:
        raise InputError(
            [
                Problem(file=source, message=f"{place}: not a field of a journal", hint=_EDITED)
                for place in unknown
            ]
        )
    return journal


def read_text(path: Path) -> str:
    """The text of a journal file. Raises InputError when it cannot be read, or is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as broken:
        message = f"not a journal: byte {broken.start} is not UTF-8"
        raise InputError(Problem(file=str(path), message=message)) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise InputError(Problem(file=str(path), message=message)) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of journal.json."""
    made = _adapter().json_schema(mode="serialization")
    made["properties"]["schema"]["const"] = SCHEMA
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "chaoskit journal",
        **{key: value for key, value in made.items() if key != "title"},
    }


_PLACES = 3  # of the same mistake that are named
_EDITED = "a journal is written by chaoskit and not edited by hand"


@cache
def _adapter() -> "TypeAdapter[Journal]":
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(Journal)


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as broken:
        torn = not text[broken.pos :].strip() or broken.msg.startswith("Unterminated string")
        what = "the file ends in the middle" if torn else f"not JSON: {broken.msg}"
        problem = Problem(
            file=source,
            line=broken.lineno,
            column=broken.colno,
            message=what,
            hint="the run may have died while writing; its samples and marks are in trials/",
        )
        raise InputError(problem) from None
    except RecursionError:
        raise InputError(Problem(file=source, message="nested too deeply to be ours")) from None
    if not isinstance(raw, dict):
        found = type(raw).__name__
        raise InputError(Problem(file=source, message=f"not a journal: a {found}, not an object"))
    return raw


def _check_schema(raw: dict[str, Any], source: str) -> None:
    name = raw.get("schema")
    if name == SCHEMA:
        return
    known = _SCHEMA_NAME.fullmatch(name) if isinstance(name, str) else None
    if known is None:
        shown = repr(name)[:80] if "schema" in raw else "none"
        problem = Problem(
            file=source, message=f"not a journal of chaoskit: its schema is {shown}", hint=_WANTED
        )
    else:
        problem = Problem(
            file=source,
            message=f"the journal's schema is {name}",
            hint=f"{_WANTED}; it was written by another version: use that one, or upgrade",
        )
    raise InputError(problem)


_WANTED = f"this version reads {SCHEMA}"


def _told(what: str, places: list[str]) -> list[str]:
    """A mistake that is in many places is told of the first few."""
    more = len(places) - _PLACES
    told = [f"{place}: {what}" for place in places[:_PLACES]]
    return [*told[:-1], f"{told[-1]} (and in {more} more places)"] if more > 0 else told


def _place(location: tuple[int | str, ...]) -> str:
    """`experiments[2].title` of a pydantic location."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).lstrip(".") or "the journal"


def _unknown_keys(raw: Any, known: Any, place: str = "") -> list[str]:
    """Where `raw` has keys that the journal, written again, would not have."""
    if isinstance(raw, dict) and isinstance(known, dict):
        found = [f"{place}.{key}".lstrip(".") for key in raw if key not in known]
        for key, value in raw.items():
            if key in known:
                found += _unknown_keys(value, known[key], f"{place}.{key}")
        return found
    if isinstance(raw, list) and isinstance(known, list):
        pairs = enumerate(zip(raw, known, strict=False))
        return [
            one for i, (left, right) in pairs for one in _unknown_keys(left, right, f"{place}[{i}]")
        ]
    return []


def _finite(value: Any) -> Any:
    """The same, with infinities as the words that read back as infinities; JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return _NO_NUMBER_IN_JSON.get(value, "NaN")
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return value
