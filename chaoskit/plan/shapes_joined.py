"""Shapes made of other shapes: one of several, chosen by kind or by a key; and shared ones."""

from collections.abc import Mapping
from typing import Any

from chaoskit.model.quantities import DURATION_HINT, parse_duration
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.shape import Defs, Record, Shape, Text
from chaoskit.plan.tree import Fields, Node, Scalar


class Duration(Text):
    """A span of time with its unit."""

    what = "a duration"

    def __init__(self, doc: str = "", **texts: Any) -> None:
        super().__init__(
            doc, parse=positive_duration, pattern=r"(\d+(\.\d+)?(us|ms|s|m|h))+", **texts
        )

    def refuse(self, node: Node, report: Report, name: str, hint: str = "") -> None:
        super().refuse(node, report, name, hint or DURATION_HINT)


def positive_duration(text: str) -> float:
    """Seconds, above zero. Raises ValueError."""
    seconds = parse_duration(text)
    if not seconds > 0:
        message = f"{text!r} is no time at all; {DURATION_HINT}"
        raise ValueError(message)
    return seconds


class Either(Shape):
    """One of several shapes that differ in kind: a text or a mapping, a number or a list."""

    def __init__(self, *shapes: Shape, doc: str = "", hint: str = "", **texts: Any) -> None:
        super().__init__(doc, **texts)
        self.shapes = shapes
        self.hint = hint  # for a value of none of the kinds
        names = list(dict.fromkeys(shape.what for shape in shapes))
        self.what = ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else names[0]

    def fits(self, node: Node) -> bool:
        return any(shape.fits(node) for shape in self.shapes)

    def check(self, node: Node, report: Report, name: str) -> None:
        for shape in self.shapes:
            if shape.fits(node):
                shape.check(node, report, name)
                return
        self.refuse(node, report, name, self.hint)

    def kind(self, defs: Defs) -> dict[str, Any]:
        return {"anyOf": [shape.schema(defs) for shape in self.shapes]}


class ByKey(Shape):
    """A mapping whose other keys depend on what one of its keys says."""

    what = "a mapping"

    def __init__(
        self,
        key: str,
        variants: Mapping[str, Record],
        doc: str = "",
        *,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(doc)
        self.key = key
        self.variants = variants
        self.instead = instead or {}  # hints for values that one could expect to work

    def fits(self, node: Node) -> bool:
        return isinstance(node, Fields)

    def check(self, node: Node, report: Report, name: str) -> None:
        if not isinstance(node, Fields):
            self.refuse(node, report, name)
            return
        chosen = node.fields.get(self.key)
        choices = f"choose from {', '.join(self.variants)}"
        if chosen is None:
            report.add(node, f"{name} has no {self.key!r}", choices)
            return
        value = chosen.value if isinstance(chosen, Scalar) else None
        variant = self.variants.get(value) if isinstance(value, str) else None
        if variant is not None:
            variant.check(node, report, name)
        elif isinstance(value, str):
            hint = self.instead.get(value) or suggest(value, self.variants)
            report.add(chosen, f"{name} has the unknown {self.key} {value!r}", hint)
        else:
            Text(choices=tuple(self.variants)).check(chosen, report, self.key)

    def kind(self, defs: Defs) -> dict[str, Any]:
        return {"anyOf": [variant.schema(defs) for variant in self.variants.values()]}


class Shared(Shape):
    """A shape that many places use; the schema has it once."""

    def __init__(self, name: str, shape: Shape) -> None:
        super().__init__(shape.doc)
        self.name = name
        self.shape = shape
        self.what = shape.what

    def fits(self, node: Node) -> bool:
        return self.shape.fits(node)

    def check(self, node: Node, report: Report, name: str) -> None:
        self.shape.check(node, report, name)

    def kind(self, defs: Defs) -> dict[str, Any]:
        if self.name not in defs:
            defs[self.name] = {}  # so that a shape within itself ends
            defs[self.name] = self.shape.schema(defs)
        return {"$ref": f"#/$defs/{self.name}"}


class Constant(Text):
    """A text that says which variant of `ByKey` this is."""

    def __init__(self, word: str, doc: str = "") -> None:
        super().__init__(doc, choices=(word,))

    def kind(self, _defs: Defs) -> dict[str, Any]:
        return {"const": self.choices[0]}
