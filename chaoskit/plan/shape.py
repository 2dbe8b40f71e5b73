"""What a file may look like, as tables; they check files and write the JSON Schemas for editors.

A hand-written checker, because a check must start in milliseconds, tell every mistake at its line
and column, and speak of what its author wrote. A shape checks one value; shapes nest.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaoskit.plan.report import Report, suggest
from chaoskit.plan.scalars import key_trap, trap
from chaoskit.plan.tree import Fields, Items, Node, Scalar

Defs = dict[str, dict[str, Any]]


class Shape:
    """What a value may be. `what` finishes "must be ..."."""

    what = "anything"

    def __init__(self, doc: str = "", *, examples: Sequence[Any] = (), default: Any = None) -> None:
        self.doc = doc
        self.examples = examples
        self.default = default

    def fits(self, _node: Node) -> bool:
        """Whether the value is of this kind at all: what `Either` chooses by."""
        return True

    def check(self, node: Node, report: Report, name: str) -> None:
        """Report everything that is wrong with the value of the key `name`."""

    def kind(self, _defs: Defs) -> dict[str, Any]:
        """The JSON Schema without its texts; shared parts go to `_defs`."""
        return {}

    def schema(self, defs: Defs) -> dict[str, Any]:
        """The JSON Schema, with description, examples and default."""
        texts: dict[str, Any] = {"description": self.doc} if self.doc else {}
        if self.examples:
            texts["examples"] = list(self.examples)
        if self.default is not None:
            texts["default"] = self.default
        return {**texts, **self.kind(defs)}

    def refuse(self, node: Node, report: Report, name: str, hint: str = "") -> None:
        """Say that the value is of another kind."""
        reason = trap(node) if isinstance(node, Scalar) else ""
        hints = "; ".join(part for part in (reason, hint) if part)
        report.add(node, f"{name} must be {self.what}, found {found(node)}", hints)


def found(node: Node) -> str:
    """What a value is, in a few words."""
    if not isinstance(node, Scalar):
        return "a mapping" if isinstance(node, Fields) else "a list"
    if node.value is None or isinstance(node.value, bool):
        return "nothing" if node.value is None else str(node.value).lower()
    is_text = isinstance(node.value, str)
    return f"the text {_shortened(node.text)!r}" if is_text else f"the number {node.value}"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


class Text(Shape):
    """A text; with `choices` one of them, with `parse` one that it accepts (it raises ValueError)."""

    what = "a text"

    def __init__(
        self,
        doc: str = "",
        *,
        choices: Sequence[str] = (),
        parse: Callable[[str], object] | None = None,
        pattern: str = "",
        **texts: Any,
    ) -> None:
        super().__init__(doc, **texts)
        self.choices = tuple(choices)
        self.parse = parse
        self.pattern = pattern  # for the schema, and for a text that is not parsed

    def fits(self, node: Node) -> bool:
        return isinstance(node, Scalar) and isinstance(node.value, str)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            choose = f"choose from {', '.join(self.choices)}" if self.choices else ""
            self.refuse(node, report, name, choose)
        elif not node.value.strip():
            report.add(node, f"{name} is empty")
        elif self.choices and node.value not in self.choices:
            report.add(node, f"{name} is {node.value!r}", suggest(node.value, self.choices))
        elif self.parse is not None:
            parse_reporting(self.parse, node, report, name)
        elif self.pattern and not re.fullmatch(self.pattern, node.value):
            report.add(node, f"{name} is {node.value!r}", f"write e.g. {self.examples[0]}")

    def kind(self, _defs: Defs) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if self.choices:
            return {"enum": list(self.choices)}
        return schema | ({"pattern": f"^{self.pattern}$"} if self.pattern else {})


def parse_reporting(
    parse: Callable[[str], object], node: Scalar, report: Report, name: str
) -> object:
    """What `parse` makes of a text, or None after its ValueError was reported."""
    try:
        return parse(str(node.value))
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        report.add(node, f"{name}: {message}", hint)
        return None


class Number(Shape):
    """A number within bounds, or a whole one."""

    def __init__(
        self, doc: str = "", *, low: float = -math.inf, whole: bool = False, **texts: Any
    ) -> None:
        super().__init__(doc, **texts)
        self.low = low
        self.whole = whole
        least = f" of at least {low:g}" if low > -math.inf else ""
        self.what = ("a whole number" if whole else "a number") + least

    def fits(self, node: Node) -> bool:
        kinds = (int,) if self.whole else (int, float)
        value = node.value if isinstance(node, Scalar) else None
        return isinstance(value, kinds) and not isinstance(value, bool)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not self.fits(node) or not isinstance(node, Scalar):
            self.refuse(node, report, name)
            return
        value = float(node.value or 0)
        if surprise := trap(node):
            report.add(node, f"{name} is {node.text}", f"{surprise}; write it as a plain number")
        elif not math.isfinite(value) or value < self.low:
            self.refuse(node, report, name)

    def kind(self, _defs: Defs) -> dict[str, Any]:
        low = {"minimum": self.low} if self.low > -math.inf else {}
        return {"type": "integer" if self.whole else "number", **low}


class Flag(Shape):
    """True or false."""

    what = "true or false"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Scalar) and isinstance(node.value, bool)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not self.fits(node):
            self.refuse(node, report, name)

    def kind(self, _defs: Defs) -> dict[str, Any]:
        return {"type": "boolean"}


class ListOf(Shape):
    """A list whose items all have one shape."""

    def __init__(self, item: Shape, doc: str = "", *, least: int = 0, **texts: Any) -> None:
        super().__init__(doc, **texts)
        self.item = item
        self.least = least
        self.what = "a list" if not least else f"a list of at least {least}"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Items)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not isinstance(node, Items):
            self.refuse(node, report, name)
            return
        if len(node.items) < self.least:
            report.add(node, f"{name} must be {self.what}, found {len(node.items)}")
        for number, item in enumerate(node.items, 1):
            self.item.check(item, report, f"{name}, item {number}")

    def kind(self, defs: Defs) -> dict[str, Any]:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.item.schema(defs), **least}


class MapOf(Shape):
    """A mapping from names of the author's choice to values of one shape."""

    what = "a mapping"

    def __init__(self, item: Shape | None = None, doc: str = "", **texts: Any) -> None:
        super().__init__(doc, **texts)
        self.item = item or Shape()

    def fits(self, node: Node) -> bool:
        return isinstance(node, Fields)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not isinstance(node, Fields):
            self.refuse(node, report, name)
            return
        for key, value in node.pairs():
            odd = key_trap(key)
            if odd or not isinstance(key.value, str):
                what = "a truth value" if odd else found(key)
                report.add(key, f"a name in {name} must be a text, found {what}", odd or trap(key))
            self.item.check(value, report, str(key.text))

    def kind(self, defs: Defs) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema(defs)}


class Record(Shape):
    """A mapping with known keys; any other key is a mistake."""

    what = "a mapping"

    def __init__(
        self,
        fields: Mapping[str, Shape],
        doc: str = "",
        *,
        required: Sequence[str] = (),
        **texts: Any,
    ) -> None:
        super().__init__(doc, **texts)
        self.fields = fields
        self.required = required

    def fits(self, node: Node) -> bool:
        return isinstance(node, Fields)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not isinstance(node, Fields):
            self.refuse(node, report, name, f"with the keys {', '.join(self.fields)}")
            return
        for key, value in node.pairs():
            shape = self.fields.get(str(key.value))
            if shape is not None and isinstance(key.value, str):
                shape.check(value, report, str(key.value))
            else:
                hint = key_trap(key) or trap(key) or suggest(key.text, self.fields)
                report.add(key, f"unknown key {key.text!r} in {name}", hint)
        for key_name in self.required:
            if key_name not in node.fields:
                hint = f"{key_name}: {self.fields[key_name].doc}"
                report.add(node, f"{name} has no {key_name!r}", hint)

    def kind(self, defs: Defs) -> dict[str, Any]:
        properties = {
            name: {"title": name, **shape.schema(defs)} for name, shape in self.fields.items()
        }
        required = {"required": list(self.required)} if self.required else {}
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            **required,
        }
