"""The probes and actions of an experiment: what the tables cannot see in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from chaoskit.model.experiment import FaultUse
from chaoskit.plan import fault_check, tolerances
from chaoskit.plan.afar import check_afar
from chaoskit.plan.chaosk8s import PREFIX, check_chaosk8s
from chaoskit.plan.fault_order import check_order
from chaoskit.plan.known import Known, referring_parts
from chaoskit.plan.modules import Functions, find_source
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.scene import Scene
from chaoskit.plan.tree import Node, child, items_of, pairs_of, plain, text_of


class Placed(NamedTuple):
    """An activity and the part of the file that it is in."""

    node: Node
    section: str  # hypothesis, method, rollbacks, configuration or tolerance


def all_activities(tree: Node) -> Iterator[Placed]:
    """Every activity of a file, in order: also those within tolerances and the configuration."""
    for section, listed in (
        ("hypothesis", child(tree, "steady-state-hypothesis", "probes")),
        ("method", child(tree, "method")),
        ("rollbacks", child(tree, "rollbacks")),
    ):
        for node in items_of(listed):
            yield Placed(node=node, section=section)
            tolerance = child(node, "tolerance")
            if tolerance is not None and text_of(child(tolerance, "type")) == "probe":
                yield Placed(node=tolerance, section="tolerance")
    for _, value in pairs_of(child(tree, "configuration")):
        if text_of(child(value, "type")) == "probe":
            yield Placed(node=value, section="configuration")


def check_activities(tree: Node, scene: Scene, known: Known) -> tuple[FaultUse, ...]:
    """Report what is wrong with any activity; the faults that the method asks for."""
    report = scene.report
    faults: list[FaultUse] = []
    for placed in all_activities(tree):
        for part in referring_parts(placed.node):
            known.check(part)
        provider = child(placed.node, "provider")
        kind = text_of(child(provider, "type"))
        if kind == "python" and fault_check.is_fault(provider):
            use = fault_check.check_fault(placed.node, placed.section, scene, known)
            faults += [use] if use is not None else []
        elif kind == "python":
            _check_python(placed, provider, report)
            if (text_of(child(provider, "module")) or "").startswith(PREFIX):
                check_chaosk8s(provider, report)
        elif kind == "process":
            _check_process(provider, report)
        elif kind == "http":
            _check_http(provider, report)
        tolerances.check_tolerance(placed.node, report)
    check_order(tree, report)
    _check_names(tree, report)
    check_afar(tree, scene)
    _check_controls(tree, known, report)
    return tuple(faults)


def _check_python(placed: Placed, provider: Node | None, report: Report) -> None:
    module, func = child(provider, "module"), child(provider, "func")
    source = _source(module, report)
    name = text_of(func)
    if source is None or name is None:
        return
    functions = Functions(source)
    if not functions.certain:
        return
    if name not in functions.names:
        public = sorted(one for one in functions.definitions if not one.startswith("_"))
        hint = suggest(name, public)
        report.add(func, f"{text_of(module)} has no function {name!r}", hint)
        return
    given = {str(key.value) for key, _ in pairs_of(child(provider, "arguments"))}
    if placed.section == "tolerance":
        given.add("value")  # Chaos Toolkit passes it
    missing, unknown = functions.wrong_arguments(name, given)
    place = child(provider, "arguments") or func
    for one in sorted(missing):
        report.add(place, f"{name} needs the argument {one!r}")
    for key, _ in pairs_of(child(provider, "arguments")):
        if key.value in unknown:
            report.add(key, f"{name} takes no argument {key.text!r}")


def _source(module: Node | None, report: Report) -> Path | None:
    name = text_of(module)
    try:
        return find_source(name) if name else None
    except (ModuleNotFoundError, ValueError) as error:
        hint = f"{error} is not installed in this environment"
        report.add(module, f"no Python module named {name!r}", hint)
        return None


def _check_process(provider: Node | None, report: Report) -> None:
    import shutil  # noqa: PLC0415  # brings compression libraries along

    node = child(provider, "path")
    path = text_of(node)
    if path is None:
        return
    if "${" in path:
        report.add(node, "Chaos Toolkit fills in no ${...} in a path", "write the program itself")
    elif shutil.which(path) is None:
        report.add(node, f"no program {path!r} that can be run", "install it, or give its path")


def _check_http(provider: Node | None, report: Report) -> None:
    url, timeout = child(provider, "url"), child(provider, "timeout")
    text = text_of(url)
    if text is not None and not _is_address(text):
        hint = "write http://HOST or https://HOST, or begin with an entrypoint such as ${web_url}"
        report.add(url, f"{text!r} is not an HTTP address", hint)
    for one in [timeout, *items_of(timeout)]:
        if plain(one) == 0:
            report.add(one, "a timeout of 0 leaves no time to answer", "write seconds, e.g. 0.5")


def _is_address(text: str) -> bool:
    if "${" in text or not text.lower().startswith(("http://", "https://")):
        return text.lower().startswith(("http://", "https://", "${"))
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _check_names(tree: Node, report: Report) -> None:
    """Names of steady probes are unique; a reference leads to exactly one activity."""
    steady = items_of(child(tree, "steady-state-hypothesis", "probes"))
    everything = [*steady, *items_of(child(tree, "method"))]
    lines: dict[str, list[int]] = {}
    for number, node in enumerate(everything):
        name = child(node, "name")
        text = text_of(name)
        if text is None or name is None:
            continue
        if number < len(steady) and text in lines:
            report.add(name, f"a probe named {text!r} is already in line {lines[text][0]}")
        lines.setdefault(text, []).append(name.line)
    for placed in all_activities(tree):
        reference = child(placed.node, "ref")
        text = text_of(reference)
        if text is None:
            continue
        if text not in lines:
            report.add(reference, f"no activity named {text!r}", suggest(text, lines))
        elif len(lines[text]) > 1:
            where = ", ".join(map(str, lines[text]))
            report.add(reference, f"{text!r} is in lines {where}; only one can be meant")


def _check_controls(tree: Node, known: Known, report: Report) -> None:
    holders = [tree, child(tree, "steady-state-hypothesis")]
    holders += [placed.node for placed in all_activities(tree)]
    for holder in holders:
        for control in items_of(child(holder, "controls")):
            known.check(child(control, "provider", "arguments"))
            _source(child(control, "provider", "module"), report)
