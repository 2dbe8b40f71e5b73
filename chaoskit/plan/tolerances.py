"""Tolerances that can never be met, or that Chaos Toolkit would understand otherwise."""

from chaoskit.plan.report import Report
from chaoskit.plan.target_shape import regular_expression
from chaoskit.plan.tree import Items, Node, Scalar, child, plain, text_of
from chaoskit.plan.variables import references

_VALUES = {
    "http": "{status, headers, body}",
    "process": "{status, stdout, stderr}",
}
_A = {"http": "an http", "process": "a process"}
_PARTS = {"http": ("status", "headers", "body"), "process": ("status", "stdout", "stderr")}


def check_tolerance(activity: Node, report: Report) -> None:
    """Report what is wrong with an activity's tolerance, beyond its shape."""
    tolerance = child(activity, "tolerance")
    if tolerance is None:
        return
    provider = text_of(child(activity, "provider", "type")) or ""
    if isinstance(tolerance, Scalar):
        _check_scalar(tolerance, provider, report)
    kind = text_of(child(tolerance, "type"))
    if kind == "regex":
        _check_pattern(child(tolerance, "pattern"), report)
    elif kind == "range":
        _check_range(child(tolerance, "range"), report)
    elif kind == "jsonpath":
        _check_path(child(tolerance, "path"), report)
    target = child(tolerance, "target")
    name = text_of(target)
    if name is not None and provider in _PARTS and name not in _PARTS[provider]:
        choices = ", ".join(_PARTS[provider])
        report.add(target, f"{_A[provider]} answer has no {name!r}", f"choose from {choices}")


def _check_scalar(tolerance: Scalar, provider: str, report: Report) -> None:
    if provider not in _VALUES or not isinstance(tolerance.value, (bool, str)):
        return
    if isinstance(tolerance.value, str) and references(tolerance.value):
        return
    what = f"{tolerance.text!r} is never met: {_A[provider]} probe answers {_VALUES[provider]}"
    report.add(tolerance, what, "write a status, or {type: regex, pattern: ..., target: ...}")


def _check_pattern(node: Node | None, report: Report) -> None:
    text = text_of(node)
    if text is None or references(text):
        return
    try:
        regular_expression(text)
    except ValueError as error:
        report.add(node, str(error))


def _check_range(node: Node | None, report: Report) -> None:
    if not isinstance(node, Items):
        return
    bounds = plain(node)
    numbers = all(isinstance(one, (int, float)) for one in bounds)
    if len(bounds) != 2:
        report.add(node, f"a range has two bounds, found {len(bounds)}", "write [low, high]")
    elif numbers and bounds[0] > bounds[1]:
        report.add(node, f"no number lies between {bounds[0]} and {bounds[1]}", "write [low, high]")


def _check_path(node: Node | None, report: Report) -> None:
    text = text_of(node)
    if text is None or references(text):
        return
    from jsonpath2.path import Path  # noqa: PLC0415  # slow, and seldom needed

    try:
        Path.parse_str(text.strip())
    except (ValueError, TypeError, AttributeError):
        report.add(node, f"{text!r} is not a JSON path", "write e.g. $.items[*].state")
