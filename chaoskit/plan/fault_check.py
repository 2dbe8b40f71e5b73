"""The faults that an experiment uses, checked by building them."""

import importlib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field
from typing import Any

from chaoskit import plugins
from chaoskit.faults.base import Fault, catalogue, parameters_of, shelf
from chaoskit.model.experiment import FaultUse
from chaoskit.model.faults import Nature
from chaoskit.plan.known import Known
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.scene import Scene
from chaoskit.plan.tree import Node, child, items_of, pairs_of, plain, text_of
from chaoskit.plan.variables import references, resolve
from chaoskit.plan.way_check import check_way

PREFIX = "chaoskit.faults."
LIFTING = "chaoskit.faults.lifting"

_SERVICES = {"service", "services"}  # arguments that name services
_ENDS = {"from", "peer", "peers", "to", "groups"}  # that name services, or instances of them
_DURATIONS = {"at", "for", "duration", "grace", "delay", "jitter"}
_LASTING = {"for", "duration"}
_SHELF = "`chaoskit list faults` lists them all"
_STRUCK = (
    "it is over the moment it happens, and only the system repairs it; leave this out, or choose a "
    "fault that lasts, such as hang or pause"
)
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
    """Whether a Python provider calls something of the shelf of faults, or what a package adds."""
    module = text_of(child(provider, "module")) or ""
    return module.startswith(PREFIX) or plugins.by_module(plugins.FAULTS, module) is not None


def check_fault(activity: Node, section: str, scene: Scene, known: Known) -> FaultUse | None:
    """Report what is wrong with a fault; what is used, when that much can be said."""
    provider, report = child(activity, "provider"), scene.report
    module, func = child(provider, "module"), child(provider, "func")
    if text_of(module) == LIFTING:
        _check_function(func, "lift_all", report)
        return None
    kind = _kind_of(module, func, report)
    if kind is None:
        return None
    name = kind.name
    _check_place(kind, module, scene)
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
        fault = _build(kind, values, arguments or module, report)
        check_way(fault, module, scene)
    return FaultUse(
        activity=text_of(child(activity, "name")) or name,
        fault=name,
        arguments=values,
        line=module.line if module is not None else 0,
    )


def _check_place(kind: type[Fault], module: Node | None, scene: Scene) -> None:
    """A fault of a cluster cannot be done to a Compose project, nor the other way round."""
    target = scene.target
    if target is None or kind.in_cluster == (target.cluster is not None):
        return
    choices = (name for name, one in catalogue().items() if one.in_cluster != kind.in_cluster)
    where = "a Kubernetes cluster" if kind.in_cluster else "a Compose project"
    what = f"{kind.name} is done in {where}, and the target {target.name} is not in one"
    scene.report.add(module, what, suggest(kind.name, choices))


def _kind_of(module: Node | None, func: Node | None, report: Report) -> type[Fault] | None:
    """The fault that a provider means, or None after what is wrong was reported."""
    name = text_of(module) or ""
    plugin = plugins.by_module(plugins.FAULTS, name)
    if plugin is not None:
        return _added_kind(plugin, module, func, report)
    short = name.removeprefix(PREFIX)
    kind = find_fault(short)
    if kind is None:
        elsewhere = shelf().entries.get(short)
        hint = _near(short)
        if elsewhere is not None:
            hint = f"it is in {shelf().packages[short]}: write module: {elsewhere.__module__}"
        report.add(module, f"no fault named {short!r} in chaoskit", hint)
        return None
    _check_function(func, "inject", report)
    return kind


def _added_kind(
    plugin: plugins.Plugin, module: Node | None, func: Node | None, report: Report
) -> type[Fault] | None:
    """The fault of another package whose action is that function of that module."""
    there = [one for one in plugins.in_group(plugins.FAULTS) if one.module == plugin.module]
    for one in there:
        if one.name in shelf().refused:
            report.add(module, shelf().refused[one.name])
            return None
    members = vars(importlib.import_module(plugin.module))
    kinds = [shelf().entries[one.name] for one in there]
    functions = {
        name: one.fault for name, one in members.items() if getattr(one, "fault", None) in kinds
    }
    name = text_of(func) or ""
    if name not in functions:
        hint = suggest(name, functions) if functions else "write there: inject = action(TheFault)"
        report.add(func, f"{plugin.module} has no fault's action {name!r}", hint)
        return None
    found: type[Fault] = functions[name]
    return found


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
        if parameter is None and key.value in _LASTING and kind.nature is Nature.STRUCK:
            report.add(key, f"{kind.name} is struck, so there is nothing to lift", _STRUCK)
        elif parameter is None:
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


def _near(name: str) -> str:
    """What the name may have been meant to be; the whole shelf is too long for one line."""
    guess, found, _ = suggest(name, catalogue()).partition("?")
    return f"{guess}? {_SHELF}" if found else _SHELF


def _check_places(arguments: Node | None, scene: Scene) -> None:
    services: dict[str, str | None] = {}
    for key, value in pairs_of(arguments):
        if key.value not in _SERVICES | _ENDS:
            continue
        for one in _leaves(value):
            if references(text_of(one) or ""):
                continue
            if key.value in _ENDS:
                scene.check_end(one)
            else:
                services[str(key.value)] = scene.check_service(one)
    for name, check in (("pick", scene.check_pick), ("network", scene.check_network)):
        node = child(arguments, name)
        if not references(text_of(node) or ""):
            check(node, services.get("service"))


def _leaves(value: Node) -> Iterator[Node]:
    """The texts of a value, of a list of them, or of lists in a list."""
    for one in items_of(value) or [value]:
        yield from items_of(one) or [one]


def _build(
    kind: type[Fault], values: Mapping[str, Any], place: Node | None, report: Report
) -> Fault:
    parameters = parameters_of(kind)
    fault = kind(**{parameters[key].name: value for key, value in values.items()})
    for problem in fault.problems():
        name = problem.partition(":")[0]
        node = child(place, name) or place
        message, _, hint = problem.partition("; ")
        report.add(node, message, hint)
    return fault


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
