"""A file's values, each with its place: what every check walks over."""

from collections.abc import Iterator
from typing import Any

Key = str | int | float | bool | None


class Place:
    """A line and a column, both from 1."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


class Node(Place):
    """A value and where it begins."""

    __slots__ = ("size",)

    def __init__(self, place: Place) -> None:
        self.line = place.line
        self.column = place.column
        self.size = 1  # nodes in it, aliases expanded


class Scalar(Node):
    """A text, a number, a truth value or nothing."""

    __slots__ = ("quoted", "text", "value")

    def __init__(self, place: Place, value: Key, text: str, *, quoted: bool) -> None:
        super().__init__(place)
        self.value = value
        self.text = text  # as it was written, quotes taken off
        self.quoted = quoted


class Items(Node):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.items: list[Node] = []


class Fields(Node):
    """A mapping; its keys have places of their own."""

    __slots__ = ("fields", "keys", "merged")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.fields: dict[Key, Node] = {}
        self.keys: dict[Key, Scalar] = {}
        self.merged: set[Key] = set()  # keys that came by <<, and may be replaced

    def pairs(self) -> Iterator[tuple[Scalar, Node]]:
        """Keys and values, in the order of the file."""
        for key, value in self.fields.items():
            yield self.keys[key], value


def child(node: Node | None, *keys: str) -> Node | None:
    """The value under nested keys, or None where the file has something else."""
    for key in keys:
        node = node.fields.get(key) if isinstance(node, Fields) else None
    return node


def text_of(node: Node | None) -> str | None:
    """The text that a node is, or None."""
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, str) else None


def items_of(node: Node | None) -> list[Node]:
    """The items of a list; none when it is something else."""
    return node.items if isinstance(node, Items) else []


def pairs_of(node: Node | None) -> list[tuple[Scalar, Node]]:
    """The keys and values of a mapping; none when it is something else."""
    return list(node.pairs()) if isinstance(node, Fields) else []


def texts_in(node: Node | None) -> Iterator[Scalar]:
    """Every text value in a node, however deep; keys are left out."""
    if isinstance(node, Fields):
        for value in node.fields.values():
            yield from texts_in(value)
    elif isinstance(node, Items):
        for item in node.items:
            yield from texts_in(item)
    elif isinstance(node, Scalar) and isinstance(node.value, str):
        yield node


def plain(node: Node | None) -> Any:
    """The value without places: what PyYAML's safe loader would give."""
    if isinstance(node, Fields):
        return {key: plain(value) for key, value in node.fields.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, Scalar) else None
