"""What of a Compose file matters to a check: its services, their ports, and how many there are.

Read as plain YAML, with anchors, merges and one level of `include`. Compose itself runs the file; it
alone follows `extends`, so nothing is held against a service that uses it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chaoskit.plan.report import Report
from chaoskit.plan.tree import Fields, Node, child, items_of, pairs_of, plain, text_of
from chaoskit.plan.yamltree import read_tree

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")

_VARIABLE = r"\$\{[^}]*\}"


def compose_file_in(folder: Path) -> Path | None:
    """The Compose file of a folder, by Compose's own names."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


class ComposeFile:
    """The services of a Compose file and of the files that it includes."""

    def __init__(self, called: str = "the Compose file") -> None:
        self.called = called
        self.services: dict[str, Mapping[str, Any]] = {}

    def add(self, tree: Node | None) -> None:
        """Add the services of a file; the first one of a name stays."""
        for key, value in pairs_of(child(tree, "services")):
            self.services.setdefault(str(key.value), plain(value) or {})


def read_compose(path: Path, report: Report, *, tags: bool = False) -> ComposeFile:
    """Read a Compose file; what is wrong with it goes to the report, which is named after it."""
    compose = ComposeFile()
    tree = _read(path, report, tags=tags)
    compose.add(tree)
    for included in _included(tree, path.parent):
        inner = Report(str(included))
        compose.add(_read(included, inner, tags=tags))
        report.take(inner.problems)
    return compose


def ports_of(service: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Container ports that a service publishes or exposes; None when that cannot be told."""
    if "extends" in service:
        return None
    found: set[int] = set()
    for one in [*_listed(service, "ports"), *_listed(service, "expose")]:
        span = _container_ports(one)
        if span is None:
            return None
        found.update(span)
    return tuple(sorted(found))


def instances_of(service: Mapping[str, Any]) -> int | None:
    """How many containers a service has; None when that cannot be told."""
    if "extends" in service:
        return None
    deploy = service.get("deploy")
    replicas = deploy.get("replicas") if isinstance(deploy, dict) else None
    count = service.get("scale", 1) if replicas is None else replicas
    return count if isinstance(count, int) else None


def networks_of(service: Mapping[str, Any]) -> tuple[str, ...]:
    """The networks that a service is on, by their names in the Compose file."""
    return tuple(map(str, service.get("networks") or ("default",)))


def _read(path: Path, report: Report, *, tags: bool) -> Node | None:
    tree = read_tree(path, report, tags=tags)
    if tree is None:
        return None
    if not isinstance(tree, Fields):
        report.add(tree, "a Compose file must be a mapping")
        return None
    services = child(tree, "services")
    for name, node in [("services", services), *_named(services)]:
        if node is not None and not isinstance(node, Fields):
            report.add(node, f"{name} must be a mapping")
            return None
    return tree


def _named(services: Node | None) -> list[tuple[str, Node]]:
    return [(f"service {key.text}", value) for key, value in pairs_of(services)]


def _included(tree: Node | None, folder: Path) -> Iterator[Path]:
    for item in items_of(child(tree, "include")):
        paths = child(item, "path") or item
        for one in items_of(paths) or [paths]:
            if name := text_of(one):
                yield folder / name


def _listed(spec: Mapping[str, Any], key: str) -> list[Any]:
    value = spec.get(key)
    return value if isinstance(value, list) else []


def _container_ports(written: Any) -> Iterator[int] | None:
    target = written.get("target") if isinstance(written, dict) else written
    last = re.sub(_VARIABLE, "", str(target)).rsplit(":", 1)[-1].split("/")[0]
    bounds = last.split("-")
    if not all(bound.isdecimal() for bound in bounds) or len(bounds) > 2:
        return None
    return iter(range(int(bounds[0]), int(bounds[-1]) + 1))
