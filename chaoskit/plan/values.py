"""An experiment that was written in Python, as the same tree that a file becomes.

So it meets the very same checks. Every node stands at the line of the call that made it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from chaoskit.plan.report import Report
from chaoskit.plan.tree import Fields, Items, Node, Place, Scalar


def tree_of(value: object, place: Place, report: Report) -> Node:
    """The tree of a value; what no file could say is reported."""
    if isinstance(value, Mapping):
        return _fields(value, place, report)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        items = Items(place)
        items.items = [tree_of(one, place, report) for one in value]
        items.size += sum(one.size for one in items.items)
        return items
    if isinstance(value, (str, Path)):
        return Scalar(place, str(value), str(value), quoted=True)
    if not isinstance(value, (bool, int, float, type(None))):
        what = f"a {type(value).__name__} cannot be part of an experiment: {value!r}"
        report.add(place, what, "use texts, numbers, truth values, lists and dicts of them")
        value = None
    return Scalar(place, value, str(value), quoted=False)


def _fields(value: Mapping[object, object], place: Place, report: Report) -> Fields:
    fields = Fields(place)
    for key, one in value.items():
        if not isinstance(key, str):
            report.add(place, f"the key {key!r} is no text")
            continue
        fields.keys[key] = Scalar(place, str(key), str(key), quoted=True)
        fields.fields[key] = node = tree_of(one, place, report)
        fields.size += node.size
    return fields
