"""The faults that an experiment uses, checked by building them."""

import importlib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any

from chaoskit.faults.base import Fault, catalogue, parameters_of
from chaoskit.model.experiment import FaultUse
from chaoskit.plan.known import Known
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.scene import Scene
from chaoskit.plan.tree import Node, child, items_of, pairs_of, plain, text_of
from chaoskit.plan.variables import references, resolve

PREFIX = "chaoskit.faults."
LIFTING = "chaoskit.faults.lifting"

_SERVICES = {"service", "services", "from", "to", "peers"}  # arguments that name services
_DURATIONS = {"duration", "grace", "delay", "jitter"}
_KINDS: dict[Any, set[type]] = {
    str: {str},
    int: {int},
    bool: {bool},
    float: {int, float},
    type(None): {type(None)},
}
_ELSEWHERE = {
    "rollbacks": "a fault in the rollbacks would break the target after it was judged",
    "hypothesis": "a fault is no question; the method is its place",
    "tolerance": "a fault is no question; the method is its place",
    "configuration": "a fault is no question; the method is its place",
}


def is_fault(provider: Node | None) -> bool:
    """Whether a Python provider calls something of the shelf of faults."""
    return (text_of(child(provider, "module")) or "").startswith(PREFIX)


def check_fault(activity: Node, section: str, scene: Scene, known: Known) -> FaultUse | None:
    """Report what is wrong with a fault; what is used, when that much can be said."""
    provider, report = child(activity, "provider"), scene.report
    module, func = child(provider, "module"), child(provider, "func")
    if text_of(module) == LIFTING:
        _check_function(func, "lift_all", report)
        return None
    name = (text_of(module) or "").removeprefix(PREFIX)
    kind = find_fault(name)
    if kind is None:
        report.add(module, f"no fault named {name!r}", suggest(name, catalogue()))
        return None
    _check_function(func, "inject", report)
    if section != "method" or text_of(child(activity, "type")) == "probe":
        what = _ELSEWHERE.get(section, "a fault is an action, not a probe")
        report.add(child(activity, "type") or module, what)
        return None
    arguments = child(provider, "arguments")
    before = len(report.problems)
    _check_arguments(arguments or module, kind, report)
    sound = len(report.problems) == before
    _check_places(arguments, scene)
    values = resolve(plain(arguments) or {}, known.values)
    if sound and not _open(values):
        _build(kind, values, arguments or module, report)
    return FaultUse(
        activity=text_of(child(activity, "name")) or name,
        fault=name,
        arguments=values,
        line=module.line if module is not None else 0,
    )


def find_fault(name: str) -> type[Fault] | None:
    """The fault of a name; without loading the whole shelf when it exists."""
    if not name.isidentifier():
        return None
    try:
        module = importlib.import_module(f"{PREFIX}{name}")
    except ModuleNotFoundError:
        return None
    own = (one for one in vars(module).values() if isinstance(one, type))
    named = (one for one in own if issubclass(one, Fault) and vars(one).get("name") == name)
    return next(named, None)


def _check_function(func: Node | None, only: str, report: Report) -> None:
    name = text_of(func)
    if name is not None and name != only:
        report.add(func, f"no function {name!r} here", f"func must be {only}")


def _check_arguments(node: Node | None, kind: type[Fault], report: Report) -> None:
    """Unknown, missing and wrongly typed arguments; they stop before anything is built."""
    parameters = parameters_of(kind)
    given = dict.fromkeys(str(key.value) for key, _ in pairs_of(node))
    for key, value in pairs_of(node):
        parameter = parameters.get(str(key.value))
        if parameter is None:
            hint = suggest(key.text, parameters)
            report.add(key, f"fault {kind.name} takes no argument {key.text!r}", hint)
        elif not references(text_of(value) or "") and not _is_a(plain(value), parameter.type):
            allowed = _words(parameter)
            hint = "a duration has a unit, e.g. 10s" if key.value in _DURATIONS else ""
            report.add(value, f"{key.text} must be {allowed}, found {plain(value)!r}", hint)
    for name, parameter in parameters.items():
        required = parameter.default is MISSING and parameter.default_factory is MISSING
        if required and name not in given:
            report.add(node, f"fault {kind.name} needs the argument {name!r}")


def _check_places(arguments: Node | None, scene: Scene) -> None:
    services: dict[str, str | None] = {}
    for key, value in pairs_of(arguments):
        if key.value in _SERVICES:
            for one in items_of(value) or [value]:
                if not references(text_of(one) or ""):
                    services[str(key.value)] = scene.check_service(one)
    for name, check in (("pick", scene.check_pick), ("network", scene.check_network)):
        node = child(arguments, name)
        if not references(text_of(node) or ""):
            check(node, services.get("service"))


def _build(
    kind: type[Fault], values: Mapping[str, Any], place: Node | None, report: Report
) -> None:
    parameters = parameters_of(kind)
    fault = kind(**{parameters[key].name: value for key, value in values.items()})
    for problem in fault.problems():
        name = problem.partition(":")[0]
        node = child(place, name) or place
        message, _, hint = problem.partition("; ")
        report.add(node, message, hint)


def _open(values: Any) -> bool:
    """Whether a value depends on what is known only in a run."""
    if isinstance(values, dict):
        return any(map(_open, values.values()))
    if isinstance(values, list):
        return any(map(_open, values))
    return isinstance(values, str) and bool(references(values))


def _is_a(value: Any, annotation: Any) -> bool:
    """Whether a value from a file fits an annotation; an unknown one lets everything pass."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {types.UnionType, typing.Union}:
        return any(_is_a(value, one) for one in inner)
    if origin in {list, tuple}:
        return isinstance(value, list) and all(_is_a(one, inner[0]) for one in value)
    return annotation not in _KINDS or type(value) in _KINDS[annotation]


def _words(parameter: "Field[Any]") -> str:
    names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    kinds = typing.get_args(parameter.type) or (parameter.type,)
    words = [names.get(kind, "a list") for kind in kinds if kind is not type(None)]
    return " or ".join(words)
