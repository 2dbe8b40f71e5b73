"""What there is to say about a fault, taken from its class alone, so that it cannot grow stale.

The docstring has a summary and four paragraphs, the fields' trailing comments are their meanings, and
`example` is what the example is made of. Pages, the terminal and tests read it from here.
"""

import ast
import inspect
import io
import re
import sys
import textwrap
import tokenize
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass
from functools import cache
from typing import Any

from chaoskit.faults.base import Fault, parameters_of, shelf
from chaoskit.model.faults import Nature

HEADINGS = ("What", "Mechanism", "Undo", "Limits")

_LOWER = {"iptables", "netem", "tbf", "libfaketime"}  # names that begin a sentence as they are
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_NUMBER = r"\d+(\.\d+)?"
_UNITS = {
    rf"({_NUMBER}(us|ms|s|m|h))+": "duration",
    rf"[+-]({_NUMBER}(us|ms|s|m|h|d))+": "offset",
    rf"{_NUMBER}\s*%": "share",
    rf"{_NUMBER}\s*[kmg]?bit(/s)?": "rate",
    rf"{_NUMBER}\s*([KMG]i?)?B/s": "rate",
    rf"{_NUMBER}\s*([KMG]i?)?B": "size",
}


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of a fault."""

    name: str
    kind: str  # "duration", "text or list of texts"
    default: str  # as it would be written; "" when it must be given
    required: bool
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Manual:
    """Everything about one fault, for people."""

    name: str
    family: str
    nature: Nature
    summary: str
    paragraphs: Mapping[str, str]  # by heading
    module: str
    function: str
    needs: tuple[str, ...]
    ways: tuple[str, ...]
    arguments: tuple[Argument, ...]
    example: Mapping[str, Any]
    package: str  # "" for our own


def manual_of(kind: type[Fault]) -> Manual:
    """What there is to say about a fault."""
    summary, paragraphs = _docstring(kind)
    return Manual(
        name=kind.name,
        family=kind.family,
        nature=kind.nature,
        summary=summary,
        paragraphs=paragraphs,
        module=kind.__module__,
        function=function_of(kind),
        needs=kind.needs,
        ways=kind.ways,
        arguments=tuple(_arguments(kind)),
        example=dict(kind.example),
        package=shelf().packages.get(kind.name, ""),
    )


def function_of(kind: type[Fault]) -> str:
    """The name of the action in the fault's module: `inject` unless it holds several faults."""
    members = vars(sys.modules[kind.__module__]).items()
    named = [name for name, one in members if getattr(one, "fault", None) is kind]
    return named[0] if named else "inject"


def mechanisms(manual: Manual) -> str:
    """The kinds of operation that it comes down to."""
    if manual.ways:
        first, *others = (f"`{one}`" for one in manual.ways)
        return f"{first}, else {', else '.join(others)}" if others else first
    return " and ".join(f"`{one}`" for one in manual.needs)


def _docstring(kind: type[Fault]) -> tuple[str, dict[str, str]]:
    text = inspect.cleandoc(kind.__doc__ or "")
    summary, _, rest = text.partition("\n\n")
    found: dict[str, str] = {}
    heading = ""
    for paragraph in filter(None, re.split(r"\n\s*\n", rest)):
        match = re.match(rf"({'|'.join(HEADINGS)}):\s+", paragraph)
        body = paragraph[match.end() :] if match else paragraph
        heading = match[1] if match else heading
        if heading:
            if body.partition(" ")[0] not in _LOWER:
                body = body[:1].upper() + body[1:]
            found[heading] = "\n\n".join(filter(None, (found.get(heading), _one_line(body))))
    return _one_line(summary), found


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _arguments(kind: type[Fault]) -> Iterator[Argument]:
    """Service first, then what is this fault's own, then its family's, then what all have."""
    meanings: dict[str, str] = {}
    generation: dict[str, int] = {}
    for number, base in enumerate(reversed(kind.__mro__)):
        if issubclass(base, Fault):
            meanings |= comments(base)
            generation |= {name: number for name in base.__annotations__ if name not in generation}
    rows = parameters_of(kind).items()
    in_order = sorted(rows, key=lambda row: (row[0] != "service", -generation[row[1].name]))
    for name, one in in_order:
        default, meaning = _default(one), meanings.get(one.name, "")
        samples = [kind.example.get(name), default, *_SAMPLE.findall(meaning)]
        yield Argument(
            name=name,
            kind=_kind(one, [text for text in samples if isinstance(text, str)]),
            default="" if default is None else _written(default),
            required=one.default is MISSING and one.default_factory is MISSING,
            meaning=meaning,
        )


_SAMPLE = re.compile(r"(?::|such as) (\S+?)[,;.]?(?=\s|$)")  # in a meaning: "such as 1KiB"


def _default(one: "Field[Any]") -> Any:
    if one.default_factory is not MISSING:
        return one.default_factory()
    return None if one.default is MISSING else one.default


def _written(value: Any) -> str:
    """A value as YAML has it on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(one)}' for key, one in value.items())}}}"
    return str(value)


def _kind(one: "Field[Any]", texts: Sequence[str]) -> str:
    """`duration`, as far as its name or a sample tells; else its Python type in words."""
    for pattern, word in _UNITS.items():
        if any(re.fullmatch(pattern, text) for text in texts):
            return word
    if one.name in {"at", "hold", "duration"}:
        return "duration"
    return _words(one.type)


def _words(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {types.UnionType, typing.Union}:
        kinds = [_words(one) for one in inner if one is not type(None)]
        return " or ".join(kinds)
    if origin in {list, tuple}:
        item = _words(inner[0]) if inner else "value"
        return f"list of {item.replace('list', 'lists', 1) if ' of ' in item else f'{item}s'}"
    if origin in {dict, Mapping} or annotation in {dict, Mapping}:
        return "mapping"
    return _WORDS.get(annotation, str(getattr(annotation, "__name__", annotation)))


@cache
def comments(kind: type) -> Mapping[str, str]:
    """The trailing comment of each field in a class's own source; {} where there is no source."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):
        return {}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    by_line = {
        one.start[0]: one.string.lstrip("# ").strip()
        for one in tokens
        if one.type == tokenize.COMMENT and not one.string.startswith(("# noqa", "# type:"))
    }
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            told = [by_line[line] for line in lines if line in by_line]
            if told:
                found[node.target.id] = re.split(r"\s+# (noqa|type:)", told[0])[0]
    return found
