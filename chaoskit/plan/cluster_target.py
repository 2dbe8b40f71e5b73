"""A target.yaml whose target is in a cluster: its manifests, and the names that must exist in them.

No cluster is asked: whatever the files alone say wrong is found here, so that `validate` and `plan`
work anywhere. What only the cluster knows is refused when a run begins, before anything is changed.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoskit.model.target import Cluster, ProberPlace, TargetSpec
from chaoskit.plan.composefile import ComposeFile
from chaoskit.plan.manifest_patch import patched
from chaoskit.plan.manifests import Manifests, read_manifests, read_patches
from chaoskit.plan.report import Report, suggest
from chaoskit.plan.target_check import check_common
from chaoskit.plan.target_parts import spec_of
from chaoskit.plan.tree import Node, child, items_of, pairs_of, plain, text_of

SYSTEM = re.compile(r"kube-.*|openshift-.*|local-path-storage|cattle-.*")

_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_LABEL = r"[-A-Za-z0-9_./]+"
_TERM = rf"{_LABEL}\s*(!?==?\s*{_LABEL})?|{_LABEL}\s+(not)?in\s*\([^)]+\)|!{_LABEL}"
_SELECTOR = re.compile(rf"(?:{_TERM})(?:\s*,\s*(?:{_TERM}))*")


def load_cluster_target(tree: Node, folder: Path, report: Report) -> TargetSpec:
    """The target that the files describe. Raises InputError with every mistake."""
    report.raise_if_any()  # of the wrong shape: the rest would only repeat it
    manifests = _manifests(tree, folder, report)
    _check_place(tree, report)
    _check_prober(child(tree, "kubernetes", "prober"), report)
    services: dict[str, Any] = dict(manifests.services) if manifests else _declared(tree)
    known = ComposeFile("the manifest")
    known.services = services
    if (node := child(tree, "compose")) is not None:
        report.add(node, "a target in a cluster has no 'compose'")
    _check_counts(tree, report)
    if manifests is None:
        _check_workloads(tree, services, report)
    check_common(tree, known if manifests else None, folder, report)
    if manifests is not None:
        _check_entrypoints(tree, manifests, report)
    _check_ways(tree, report)
    _check_patches(tree, manifests, folder, report)
    report.raise_if_any()
    return spec_of(tree, folder=folder, services=services, cluster=_cluster(tree, manifests))


def objects_with(spec: TargetSpec, overrides: tuple[Path, ...]) -> tuple[Any, ...]:
    """The target's objects with the patches of switched-off healers. Raises InputError."""
    assert spec.cluster is not None
    objects = spec.cluster.objects
    for path in overrides:
        report = Report(str(path))
        patches = read_patches(path, report)
        report.raise_if_any()
        objects = patched(objects, patches)
    return objects


def _manifests(tree: Node, folder: Path, report: Report) -> Manifests | None:
    node = child(tree, "kubernetes", "manifests")
    name = text_of(node)
    if name is None:
        return None
    path = folder / name
    if not path.exists():
        report.add(node, f"no file or folder {name!r} in the target's folder")
        return None
    inner = Report(str(path))
    manifests = read_manifests(path, inner)
    if not manifests.services and not inner.problems:
        inner.add(None, "no Deployment, StatefulSet or DaemonSet is in these manifests")
    report.take(inner.problems)
    return None if inner.problems else manifests


def _check_place(tree: Node, report: Report) -> None:
    place = child(tree, "kubernetes")
    manifests, namespace, selector = (
        child(place, one) for one in ("manifests", "namespace", "selector")
    )
    if (manifests is None) == (namespace is None):
        what = "a target is either in manifests, or in a namespace that exists"
        report.add(place, what, "give one of manifests and namespace")
        return
    if manifests is not None:
        for one in ("selector", "whole", "system"):
            if (node := child(place, one)) is not None:
                report.add(node, f"{one} is for a namespace that exists already")
        return
    _check_namespace(namespace, plain(child(place, "system")) is True, report)
    words = text_of(selector)
    if words is None or not _SELECTOR.fullmatch(words.strip()):
        what = "an existing namespace needs a selector" if words is None else f"{words!r} is none"
        report.add(selector or namespace, what, "labels such as app=shop,tier in (web,db)")
    if child(tree, "redundancy") is None:
        report.add(place, "redundancy must name the workloads: no manifest here does")


def _check_counts(tree: Node, report: Report) -> None:
    for _, value in pairs_of(child(tree, "redundancy")):
        if (node := child(value, "url")) is not None:
            report.add(node, "in a cluster, ready pods are counted, and nothing else")


def _check_workloads(tree: Node, services: Mapping[str, Any], report: Report) -> None:
    """Without manifests, a log or a role is of a workload that redundancy names."""
    named = [child(one, "witness", "log", "service") for one in items_of(child(tree, "healers"))]
    named += [child(role, "service") for _, role in pairs_of(child(tree, "roles"))]
    for node in named:
        name = text_of(node)
        if name is not None and name not in services:
            what = f"redundancy names no workload {name!r}"
            report.add(node, what, suggest(name, services))


def _check_prober(node: Node | None, report: Report) -> None:
    image, namespace = child(node, "image"), child(node, "namespace")
    if image is not None and not _image(text_of(image) or "").strip():
        what = f"{text_of(image)!r} names no image here: the variable is not set"
        report.add(image, what, "set it, or give a default: ${CHAOSKIT_IMAGE:-IMAGE}")
    if namespace is not None and not re.fullmatch(_NAME, text_of(namespace) or ""):
        report.add(namespace, f"{text_of(namespace)!r} is no namespace", "one name")


def _check_namespace(node: Node | None, allowed: bool, report: Report) -> None:
    name = text_of(node) or ""
    if not re.fullmatch(_NAME, name):
        report.add(node, f"{name!r} is no namespace", "one name; all namespaces are never allowed")
    elif SYSTEM.fullmatch(name) and not allowed:
        what = f"{name} belongs to the cluster itself: breaking it breaks everybody's"
        report.add(node, what, "if that is meant, say so: system: true")


def _declared(tree: Node) -> dict[str, Any]:
    """Without manifests, the workloads are those whose full strength is told."""
    found = {}
    for key, value in pairs_of(child(tree, "redundancy")):
        count = plain(child(value, "instances") or value)
        found[str(key.value)] = {"deploy": {"replicas": count}}
    return found


def _check_ways(tree: Node, report: Report) -> None:
    for _, entry in pairs_of(child(tree, "entrypoints")):
        patience = child(entry, "patience")
        if patience is not None and text_of(child(entry, "through")) != "port-forward":
            report.add(patience, "patience is for `through: port-forward`")


def _check_entrypoints(tree: Node, manifests: Manifests, report: Report) -> None:
    for _, entry in pairs_of(child(tree, "entrypoints")):
        node, port = child(entry, "service"), plain(child(entry, "port"))
        through, address = text_of(child(entry, "through")), child(entry, "address")
        if (through == "address") != (address is not None):
            report.add(entry, "`through: address` and an address belong together")
        ports = manifests.ports(text_of(node) or "")
        if ports is None:
            names = [
                one["metadata"]["name"] for one in manifests.objects if one["kind"] == "Service"
            ]
            what = f"no Service named {text_of(node)!r} in the manifests"
            report.add(node, what, suggest(text_of(node) or "", names))
        elif port not in ports:
            listed = ", ".join(map(str, ports))
            report.add(child(entry, "port"), f"the Service has no port {port}", f"it has {listed}")


def _check_patches(tree: Node, manifests: Manifests | None, folder: Path, report: Report) -> None:
    for healer in items_of(child(tree, "healers")):
        off = child(healer, "off")
        name = text_of(off)
        if name is None or not (folder / name).is_file():
            continue  # target_check says so
        if child(tree, "kubernetes", "namespace") is not None:
            report.add(off, "what exists already is not changed: no healer can be switched off")
            continue
        if manifests is None:
            continue
        inner = Report(str(folder / name))
        patches = read_patches(folder / name, inner)
        report.take(inner.problems)
        try:
            patched(manifests.objects, patches)
        except LookupError as error:
            report.add(off, f"{name}: {error}")


def _cluster(tree: Node, manifests: Manifests | None) -> Cluster:
    written = plain(child(tree, "kubernetes"))
    return Cluster(
        objects=tuple(manifests.objects) if manifests else (),
        namespace=written.get("namespace", ""),
        selector=written.get("selector", ""),
        context=written.get("context", ""),
        agent_image=_image(written.get("agent_image", "")),
        whole=written.get("whole", False),
        prober=_prober(written.get("prober")),
    )


def _prober(written: Any) -> ProberPlace | None:
    if written is None:
        return None
    return ProberPlace(image=_image(written["image"]), namespace=written.get("namespace", ""))


def _image(text: str) -> str:
    return re.sub(
        r"\$\{(\w+)(?::-([^}]*))?\}", lambda one: os.environ.get(one[1]) or one[2] or "", text
    )
