"""Kubernetes manifests: plain files, a folder of them, or a kustomize folder, with their places.

A kustomization is read as far as it is a list of resources with patches, images and replicas, which
needs no program. Whatever else it asks for is refused by name: half a customisation would be another
target than the one its author tests.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from chaoskit.plan.manifest_patch import key_of, patched
from chaoskit.plan.report import Report
from chaoskit.plan.tree import Fields, Node, Scalar, child, items_of, pairs_of, plain, text_of
from chaoskit.plan.yamltree import parse_tree, read_tree

KUSTOMIZATION = ("kustomization.yaml", "kustomization.yml")
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")

_UNDERSTOOD = ("apiVersion", "kind", "metadata", "resources", "patches", "images", "replicas")
_VARIABLE = r"\$\{(\w+)(?::-([^}]*))?\}"
_OF_THE_CLUSTER = {
    *("Namespace", "Node", "PersistentVolume", "StorageClass", "PriorityClass", "IngressClass"),
    *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "APIService"),
    *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "RuntimeClass"),
}


@dataclass
class Manifests:
    """The objects of a target, each with where it is written."""

    objects: list[Mapping[str, Any]] = field(default_factory=list)
    places: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, Mapping[str, Any]]:
        """The workloads, in the words that Compose has for a service."""
        found: dict[str, Mapping[str, Any]] = {}
        for one in self.objects:
            if one["kind"] in WORKLOADS:
                count = (one.get("spec") or {}).get("replicas", 1)
                each = {"scale": None} if one["kind"] == "DaemonSet" else {
                    "deploy": {"replicas": count}
                }  # fmt: skip
                found[str(one["metadata"]["name"])] = each
        return found

    def ports(self, service: str) -> tuple[int, ...] | None:
        """The ports of a Service of that name; None when there is no such Service."""
        for one in self.objects:
            if one["kind"] == "Service" and one["metadata"]["name"] == service:
                return tuple(int(port["port"]) for port in one["spec"].get("ports", ()))
        return None


def read_manifests(path: Path, report: Report) -> Manifests:
    """Everything under a path; what is wrong goes to the report."""
    manifests = Manifests()
    kustomization = next((path / one for one in KUSTOMIZATION if (path / one).is_file()), None)
    if kustomization is not None:
        _read_kustomization(kustomization, manifests, report)
        return manifests
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
    for file in files:
        _read_file(file, manifests, report)
    return manifests


def read_patches(path: Path, report: Report) -> list[Mapping[str, Any]]:
    """The patches in a file: objects of which only what differs is written."""
    found: list[Mapping[str, Any]] = []
    for tree, inner in _documents(path, report):
        if _is_object(tree, inner):
            found.append(_plain(tree, inner))
        report.take(inner.problems)
    return found


def _read_file(file: Path, manifests: Manifests, report: Report) -> None:
    for tree, inner in _documents(file, report):
        if _is_object(tree, inner) and _is_ours(tree, inner):
            item = _plain(tree, inner)
            key = key_of(item)
            if key in manifests.places:
                what = f"{' '.join(key)} is already in {manifests.places[key]}"
                inner.add(tree, what)
            manifests.places[key] = f"{file}:{tree.line}"
            manifests.objects.append(item)
        report.take(inner.problems)


def _documents(file: Path, report: Report) -> Iterator[tuple[Node, Report]]:
    """Every YAML document of a file, with the lines that it has in the file."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        inner = Report(str(file))
        inner.add(None, f"cannot be read: {error}")
        report.take(inner.problems)
        return
    begun = 0
    for part in re.split(r"(?m)^---.*$", text):
        inner = Report(str(file))
        if re.sub(r"(?m)^\s*#.*$", "", part).strip():
            tree = parse_tree("\n" * begun + part, inner)
            report.take(inner.problems)
            if tree is not None:
                yield tree, inner
        begun += part.count("\n")


def _is_object(tree: Node, report: Report) -> bool:
    if not isinstance(tree, Fields):
        report.add(tree, "a manifest must be a mapping")
        return False
    missing = [
        ".".join(one)
        for one in (("apiVersion",), ("kind",), ("metadata", "name"))
        if text_of(child(tree, *one)) is None
    ]
    for one in missing:
        report.add(tree, f"a manifest needs {one}")
    return not missing


def _is_ours(tree: Node, report: Report) -> bool:
    """Whether an object may be made in a namespace that is thrown away afterwards."""
    kind, namespace = child(tree, "kind"), child(tree, "metadata", "namespace")
    if text_of(kind) in _OF_THE_CLUSTER:
        what = f"{text_of(kind)} belongs to the whole cluster, and a run only makes a namespace"
        report.add(kind, what, "create it beforehand, and leave it out of the manifests")
        return False
    if namespace is not None:
        what = "a run gives every object its own namespace"
        report.add(namespace, what, "leave metadata.namespace out")
        return False
    return True


def _plain(tree: Node, report: Report) -> dict[str, Any]:
    """The object, with the variables in its images filled in from the environment."""
    _fill_images(tree, report)
    value: dict[str, Any] = plain(tree)
    return value


def _fill_images(node: Node, report: Report) -> None:
    for key, value in pairs_of(node):
        if key.value == "image" and isinstance(value, Scalar) and isinstance(value.value, str):
            value.value = re.sub(_VARIABLE, partial(_variable, value, report), value.value)
        else:
            _fill_images(value, report)
    for item in items_of(node):
        _fill_images(item, report)


def _variable(place: Node, report: Report, match: re.Match[str]) -> str:
    name, default = match[1], match[2]
    found = os.environ.get(name) or default
    if found is None:
        report.add(place, f"the variable {name} is not set", f"set it, or write ${{{name}:-IMAGE}}")
    return found or ""


def _read_kustomization(file: Path, manifests: Manifests, report: Report) -> None:
    inner = Report(str(file))
    tree = read_tree(file, inner)
    for key, _ in pairs_of(tree):
        if key.value not in _UNDERSTOOD:
            what = f"chaoskit does not do {key.text!r} of a kustomization"
            hint = "write what it makes into a file: kubectl kustomize . > manifests.yaml"
            inner.add(key, what, hint)
    for node in items_of(child(tree, "resources")):
        path = file.parent / (text_of(node) or "")
        if not path.exists():
            inner.add(node, f"no file or folder {text_of(node)!r} beside it")
            continue
        found = read_manifests(path, report)
        manifests.objects += found.objects
        manifests.places.update(found.places)
    if tree is not None and not inner.problems:
        _customise(tree, file, manifests, inner)
    report.take(inner.problems)


def _customise(tree: Node, file: Path, manifests: Manifests, report: Report) -> None:
    for node in items_of(child(tree, "patches")):
        path, inline = text_of(child(node, "path")), text_of(child(node, "patch"))
        if child(node, "target") is not None or (inline or "").lstrip().startswith("- op"):
            report.add(node, "only patches that name their object are done", "no target, no op")
            continue
        patches = read_patches(file.parent / path, report) if path else _inline(inline, report)
        try:
            manifests.objects = list(patched(manifests.objects, patches))
        except LookupError as error:
            report.add(node, str(error))
    replicas = {one["name"]: one["count"] for one in plain(child(tree, "replicas")) or ()}
    for one in manifests.objects:
        name = one["metadata"]["name"]
        if one["kind"] in WORKLOADS and name in replicas:
            one["spec"]["replicas"] = replicas[name]
    images = {one["name"]: one for one in plain(child(tree, "images")) or ()}
    for one in manifests.objects:
        _rename_images(one, images)


def _inline(text: str | None, report: Report) -> list[Mapping[str, Any]]:
    tree = parse_tree(text or "", report)
    return [_plain(tree, report)] if tree is not None and _is_object(tree, report) else []


def _rename_images(value: Any, images: Mapping[str, Mapping[str, str]]) -> None:
    if isinstance(value, list):
        for one in value:
            _rename_images(one, images)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "image" and isinstance(one, str):
                name, _, tag = one.partition(":")
                new = images.get(name, {})
                tag = str(new.get("newTag", tag))
                value[key] = new.get("newName", name) + (f":{tag}" if tag else "")
            else:
                _rename_images(one, images)
