"""Whether the faults of a method can come when they say: `at`, against the order of the file.

Activities are played one after the other, so a fault that stands behind a later one would come late,
and the experiment would not be the one that was written down.
"""

from chaoskit.model.quantities import format_duration, parse_duration
from chaoskit.plan.fault_check import is_fault
from chaoskit.plan.report import Report
from chaoskit.plan.tree import Node, Scalar, child, items_of, text_of


def check_order(tree: Node, report: Report) -> None:
    """Report every `at` that is before one which the method waits for earlier in the file."""
    reached_s, reached = 0.0, None
    for activity in items_of(child(tree, "method")):
        if not is_fault(child(activity, "provider")):
            continue
        node = child(activity, "provider", "arguments", "at")
        at_s = _seconds(node)
        if at_s is None:
            continue
        if at_s < reached_s and reached is not None:
            name = text_of(child(reached, "name")) or "another"
            what = f"at {text_of(node)} is before {format_duration(reached_s)}, when {name!r} comes"
            hint = (
                "activities are played in the order of the file; put this one before line "
                f"{reached.line}, or give that one `background: true`"
            )
            report.add(node, what, hint)
        elif not _in_background(activity):
            reached_s, reached = at_s, activity


def _in_background(activity: Node) -> bool:
    node = child(activity, "background")
    return isinstance(node, Scalar) and node.value is True


def _seconds(node: Node | None) -> float | None:
    """The time that is written, or None where none is, or one that is refused elsewhere."""
    try:
        return parse_duration(text_of(node))
    except ValueError:
        return None
