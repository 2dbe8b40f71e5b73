"""What the tables cannot see in a target.yaml: names that must exist elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING

from chaoskit.plan.composefile import ComposeFile, instances_of, ports_of, read_compose
from chaoskit.plan.healer_check import check_settings
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.tree import Node, Scalar, child, items_of, pairs_of, text_of
from chaoskit.plan.variables import check_names

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_target(tree: Node, compose: ComposeFile | None, folder: Path, report: Report) -> None:
    """Report every name in the file that leads nowhere. Parts of a wrong kind are left alone."""
    check_common(tree, compose, folder, report)
    if compose is not None:
        for _, entrypoint in pairs_of(child(tree, "entrypoints")):
            check_service(child(entrypoint, "service"), compose, report)
            _check_port(entrypoint, compose, report)
            for one in ("through", "address", "patience"):
                if (node := child(entrypoint, one)) is not None:
                    report.add(node, f"{one} is for a target in a cluster")
    for healer in items_of(child(tree, "healers")):
        _check_override(child(healer, "off"), folder, report)


def check_common(tree: Node, compose: ComposeFile | None, folder: Path, report: Report) -> None:
    """The part that holds wherever a target is; `compose` has the services that it consists of."""
    entrypoints = [str(key.value) for key, _ in pairs_of(child(tree, "entrypoints"))]
    for node in _addresses(tree):
        check_names(node, entrypoints, report)
    if compose is not None:
        for node in _service_names(tree):
            check_service(node, compose, report)
        _check_redundancy(tree, compose, report)
    _check_healers(tree, folder, report)


def check_service(node: Node | None, compose: ComposeFile, report: Report) -> bool:
    """Whether a node names a service of the Compose file; if not, that is reported."""
    name = text_of(node)
    if name is None or name in compose.services:
        return name is not None
    report.add(node, f"no service named {name!r}", suggest(name, compose.services))
    return False


def _service_names(tree: Node) -> "Iterable[Node | None]":
    for _, value in pairs_of(child(tree, "roles")):
        yield child(value, "service")
    for key, _ in pairs_of(child(tree, "redundancy")):
        yield key
    for healer in items_of(child(tree, "healers")):
        yield child(healer, "witness", "log", "service")


def _addresses(tree: Node) -> "Iterable[Node | None]":
    yield child(tree, "ready", "probe")
    for _, value in pairs_of(child(tree, "redundancy")):
        yield child(value, "url")
    for healer in items_of(child(tree, "healers")):
        yield child(healer, "witness", "http", "url")


def _check_port(entrypoint: Node, compose: ComposeFile, report: Report) -> None:
    service, port = text_of(child(entrypoint, "service")), child(entrypoint, "port")
    if service is None or service not in compose.services or not isinstance(port, Scalar):
        return
    ports = ports_of(compose.services[service])
    if ports is not None and port.value not in ports:
        listed = f"it has {', '.join(map(str, ports))}" if ports else "it publishes none"
        what = f"service {service!r} does not publish port {port.text}"
        report.add(port, what, f"{listed}; add it to its ports in the Compose file")


def _check_redundancy(tree: Node, compose: ComposeFile, report: Report) -> None:
    for key, value in pairs_of(child(tree, "redundancy")):
        node = child(value, "instances") or value
        has = instances_of(compose.services.get(str(key.value), {}))
        wants = node.value if isinstance(node, Scalar) else None
        if (
            str(key.value) in compose.services
            and isinstance(wants, int)
            and has not in {None, wants}
        ):
            what = f"full strength of {key.text} is {wants}, but {compose.called} starts {has}"
            report.add(node, what, "set deploy.replicas there, or the number here")
        url, count = child(value, "url"), child(value, "count")
        if (url is None) != (count is None):
            report.add(value, f"{key.text} needs both url and count, or neither of them")


def _check_healers(tree: Node, folder: Path, report: Report) -> None:
    seen: dict[str, int] = {}
    for healer in items_of(child(tree, "healers")):
        node = child(healer, "name")
        name = text_of(node)
        if name is not None and node is not None and name in seen:
            report.add(node, f"a healer named {name!r} is already in line {seen[name]}")
        elif name is not None and node is not None:
            seen[name] = node.line
        _check_patterns(healer, report)
        check_settings(healer, report)
        off = text_of(child(healer, "off"))
        if off is not None and not (folder / off).is_file():
            there = sorted(one.name for one in folder.glob("*.y*ml") if one.name != "target.yaml")
            what = f"no file {off!r} in the target's folder"
            report.add(child(healer, "off"), what, suggest(off, there))


def _check_patterns(healer: Node, report: Report) -> None:
    for kind in ("log", "http"):
        witness = child(healer, "witness", kind)
        if witness is not None and not any(
            child(witness, part) for part in ("detected", "acted", "restored")
        ):
            what = f"the {kind} witness has no pattern: it can bear witness to nothing"
            report.add(witness, what, "give detected, acted or restored")


def _check_override(node: Node | None, folder: Path, report: Report) -> None:
    name = text_of(node)
    if name is not None and (folder / name).is_file():
        inner = Report(str(folder / name))
        read_compose(folder / name, inner, tags=True)
        report.take(inner.problems)
