"""Reads YAML 1.1 and JSON into a tree that remembers where everything stands.

Built from PyYAML's events, not from its node composer: that one recurses in C, so that a file of
brackets ends the process. Chaos Toolkit reads its files with PyYAML too; the meaning is the same,
but what it would silently get wrong (duplicate keys, dates, odd tags) is refused here.
"""

import functools
import re
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml import CSafeLoader

from chaoskit.plan import scalars
from chaoskit.plan.report import Report
from chaoskit.plan.tree import Fields, Items, Node, Place, Scalar

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 50_000  # with every alias expanded

_RESOLVER = yaml.resolver.Resolver()
_SURROGATES = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"


def read_tree(path: Path, report: Report, *, tags: bool = False) -> Node | None:
    """The tree of a file, or None when it has none; every mistake goes to the report.

    `tags` lets custom tags pass, as Compose's override files need them.
    """
    text = _text_of(path, report)
    if text is None:
        return None
    return parse_tree(text, report, json_rules=path.suffix.lower() == ".json", tags=tags)


def parse_tree(
    text: str, report: Report, *, json_rules: bool = False, tags: bool = False
) -> Node | None:
    """The tree of a text; None when it is broken or holds nothing."""
    builder = _Builder(report, json_rules=json_rules, tags=tags)
    if not builder.build(text):
        return None
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.value is None):
        report.add(None, "the file is empty")
        return None
    return root


def _text_of(path: Path, report: Report) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        whys = {FileNotFoundError: "no such file", IsADirectoryError: "is a directory"}
        report.add(None, whys.get(type(error)) or f"cannot be read: {error.strerror}")
        return None
    if len(raw) > MAX_BYTES:
        report.add(None, "is larger than 1 MiB", "a file of this kind holds a page or two of text")
    elif b"\0" in raw:
        place = _place_in(raw, raw.index(b"\0"))
        report.add(place, "is a binary file", "expected YAML or JSON in UTF-8")
    else:
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            what = f"is not UTF-8: byte 0x{raw[error.start]:02x}"
            report.add(_place_in(raw, error.start), what, "save the file as UTF-8")
    return None


def _place_in(raw: bytes, offset: int) -> Place:
    begin = raw.rfind(b"\n", 0, offset) + 1
    return Place(raw.count(b"\n", 0, offset) + 1, offset - begin + 1)


class _Stop(Exception):
    """The rest of the file cannot be made sense of; the reason has been reported."""


class _Builder:
    """Events in, tree out; one use."""

    def __init__(self, report: Report, *, json_rules: bool, tags: bool) -> None:
        self.report = report
        self.json_rules = json_rules
        self.tags = tags
        self.root: Node | None = None
        self.anchors: dict[str, Node] = {}
        self.open: list[tuple[Node, str | None]] = []
        self.waiting: list[Scalar | None] = []  # the key whose value comes next, per open node
        self.documents = 0

    def build(self, text: str) -> bool:
        """Whether the text could be read to its end."""
        if self.json_rules:  # libyaml knows no surrogate pairs
            text = re.sub(_SURROGATES, _character, text)
        try:
            loader = CSafeLoader(text)
            while loader.check_event():
                self._take(loader.get_event())
        except yaml.reader.ReaderError as error:
            # After a surrogate escape, libyaml stops; position counts characters then.
            place = _place_in(text.encode(), len(text[: error.position].encode()))
            self.report.add(place, f"a character is not allowed in YAML: {error.reason}")
        except yaml.MarkedYAMLError as error:
            self._broken(error, text)
        except _Stop:
            pass
        else:
            return True
        return False

    def _broken(self, error: yaml.MarkedYAMLError, text: str) -> None:
        mark: Any = error.problem_mark or error.context_mark
        message = f"broken {'JSON' if self.json_rules else 'YAML'}: {error.problem}"
        if error.context and error.context_mark is not None:
            message += f", {error.context} that began in line {error.context_mark.line + 1}"
        lines = text.splitlines()
        line = lines[mark.line] if mark.line < len(lines) else ""
        self.report.add(_at(mark), message, _broken_hint(line, mark.column, str(error.problem)))

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._put(self._scalar(event), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.waiting.pop()
            self._put(*self.open.pop())
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                what = "a second document begins here"
                self._stop(_at(event.start_mark), what, "one file holds one document")

    def _begin(self, event: Any) -> None:
        place = _at(event.start_mark)
        if len(self.open) >= MAX_DEPTH:
            self._stop(place, f"nested deeper than {MAX_DEPTH} levels")
        if event.tag is not None and not self.tags:
            self.report.add(place, f"the tag {scalars.short_tag(event.tag)} is not understood")
        kind = Fields if isinstance(event, yaml.MappingStartEvent) else Items
        self.open.append((kind(place), event.anchor))
        self.waiting.append(None)

    def _alias(self, event: Any) -> None:
        node = self.anchors.get(event.anchor)
        if node is None:
            inside = any(anchor == event.anchor for _, anchor in self.open)
            why = "stands inside itself" if inside else "has no anchor before it"
            self._stop(_at(event.start_mark), f"the alias *{event.anchor} {why}")
        self._put(node, None)

    def _put(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        parent, _ = self.open[-1]
        parent.size += node.size
        if parent.size > MAX_NODES:
            self._stop(node, f"more than {MAX_NODES} values, with every alias expanded")
        if isinstance(parent, Items):
            parent.items.append(node)
            return
        assert isinstance(parent, Fields)
        key, self.waiting[-1] = self.waiting[-1], None
        if key is not None:
            self._enter(parent, key, node)
        elif isinstance(node, Scalar):
            self.waiting[-1] = _word(node)
        else:
            self._stop(node, "a key must be a text, not a list or a mapping")

    def _enter(self, parent: Fields, key: Scalar, node: Node) -> None:
        if self.json_rules and not key.quoted:
            self.report.add(key, f"the key {key.text} must be in double quotes")
        if key.value == "<<" and not key.quoted and not self.json_rules:
            self._merge(parent, key, node)
        elif key.value in parent.fields and key.value not in parent.merged:
            what = f"the key {key.text!r} is already in line {parent.keys[key.value].line}"
            self.report.add(key, what, "the later one would silently win; remove one")
        else:
            parent.merged.discard(key.value)
            parent.fields[key.value] = node
            parent.keys[key.value] = key

    def _merge(self, parent: Fields, key: Scalar, node: Node) -> None:
        for source in node.items if isinstance(node, Items) else [node]:
            if not isinstance(source, Fields):
                self.report.add(key, "<< merges mappings only", "name an anchor of a mapping")
                continue
            for name, value in source.pairs():
                if name.value not in parent.fields:
                    parent.fields[name.value] = value
                    parent.keys[name.value] = name
                    parent.merged.add(name.value)

    def _scalar(self, event: Any) -> Scalar:
        place, text, quoted = _at(event.start_mark), event.value, bool(event.style)
        tag = event.tag
        if tag is None or tag == "!":
            seek = _tag_of if len(text) < 80 else _tag_of.__wrapped__  # no cache full of prose
            tag = seek(text, event.implicit)
        value = text
        try:
            plain_json = self.json_rules and not quoted
            value = scalars.from_json(text) if plain_json else scalars.from_yaml(tag, text)
        except ValueError:
            what = "JSON" if self.json_rules else scalars.short_tag(tag)
            self.report.add(place, f"{text!r} is not {what}", "put texts in quotes")
        except KeyError:
            if tag == scalars.TIMESTAMP_TAG:
                self.report.add(place, f"YAML reads {text} as a date", "put quotes around it")
            elif not self.tags:
                self.report.add(place, f"the tag {scalars.short_tag(tag)} is not understood")
        return Scalar(place, value, text, quoted=quoted)

    def _stop(self, place: Place, message: str, hint: str = "") -> NoReturn:
        self.report.add(place, message, hint)
        raise _Stop


def _word(key: Scalar) -> Scalar:
    """A key such as off, which YAML 1.1 reads as false, is the word that was written."""
    if not isinstance(key.value, bool):
        return key
    return Scalar(key, key.text, key.text, quoted=key.quoted)


@functools.lru_cache(maxsize=4096)  # a suite says the same words over and over
def _tag_of(text: str, implicit: tuple[bool, bool]) -> str:
    """What YAML takes a word without a tag for."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, implicit))  # type: ignore[no-untyped-call]


def _at(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _character(pair: re.Match[str]) -> str:
    high, low = int(pair[0][2:6], 16), int(pair[0][8:12], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _broken_hint(line: str, column: int, problem: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return "indent with spaces; YAML allows no tabs there"
    if line[column : column + 1] in {"@", "`", "%"}:
        return f"put quotes around a text that begins with {line[column]}"
    if "mapping values are not allowed" in problem:
        return "put quotes around a text that contains ': ', or check the indentation"
    hints = {
        "end of stream": "a quote was not closed",
        "expected ','": "a bracket or a brace was not closed",
        "expected key": "check the quotes and the indentation of the lines above",
    }
    return next((hint for word, hint in hints.items() if word in problem), "")
