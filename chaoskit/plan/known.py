"""The names that an experiment can use as `${name}`, and the values known before it runs."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from chaoskit.model.target import TargetSpec
from chaoskit.plan.report import Report
from chaoskit.plan.tree import Node, child, pairs_of, plain, text_of
from chaoskit.plan.variables import check_names

_TRUE = {"1", "true", "yes", "on", "y", "t"}
_CONVERT: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: text.lower() in _TRUE,
    "bytes": str.encode,
    "json": json.loads,
}


class Known:
    """Names from the target, the configuration and the secrets of one experiment."""

    def __init__(self, tree: Node, target: TargetSpec | None, report: Report) -> None:
        self._report = report
        entrypoints = {one.name for one in target.entrypoints} if target else set()
        if target is not None and target.cluster is not None:
            entrypoints.add("namespace")  # where the run has put the target
        self.names: set[str] = set(entrypoints)
        self.values: dict[str, Any] = {}
        self.all_told = target is not None  # whether there can be no other names
        self._configuration(tree, entrypoints)
        self._secrets(tree)
        for name in entrypoints:  # the target's address wins, and exists only in a run
            self.values.pop(name, None)

    def check(self, node: Node | None) -> None:
        """Report every `${name}` in a node that nothing gives a value."""
        if self.all_told:
            check_names(node, sorted(self.names), self._report)

    def _configuration(self, tree: Node, entrypoints: set[str]) -> None:
        for key, value in pairs_of(child(tree, "configuration")):
            name = str(key.value)
            self.names.add(name)
            kind = text_of(child(value, "type"))
            if kind == "env":
                self._from_environment(name, value, needed=name not in entrypoints)
            elif kind != "probe":
                self.values[name] = plain(value)

    def _from_environment(self, name: str, node: Node, *, needed: bool) -> None:
        key, default = text_of(child(node, "key")), child(node, "default")
        written = os.environ.get(key) if key else None
        if key and written is None and default is None and needed:
            what = f"the environment variable {key} is not set, and {name} has no default"
            self._report.add(child(node, "key"), what, f"export {key}=..., or give it a default")
        elif written is not None:
            convert = _CONVERT.get(text_of(child(node, "env_var_type")) or "str", str)
            try:
                self.values[name] = convert(written)
            except ValueError:
                kind = text_of(child(node, "env_var_type"))
                what = f"the environment variable {key} holds no {kind}"
                self._report.add(child(node, "key"), what)
        elif default is not None:
            self.values[name] = plain(default)

    def _secrets(self, tree: Node) -> None:
        for _, group in pairs_of(child(tree, "secrets")):
            if text_of(child(group, "type")) == "vault":
                self.all_told = False  # the names are in the vault
                continue
            for key, value in pairs_of(group):
                self.names.add(str(key.value))
                self._secret(value)

    def _secret(self, value: Node) -> None:
        key = text_of(child(value, "key"))
        if text_of(child(value, "type")) == "env" and key and key not in os.environ:
            what = f"the environment variable {key} of a secret is not set"
            self._report.add(child(value, "key"), what, f"export {key}=...")


def referring_parts(activity: Node) -> Iterator[Node]:
    """The parts of an activity in which Chaos Toolkit fills in `${name}`."""
    for keys in (
        ("provider", "arguments"),
        ("provider", "url"),
        ("provider", "headers"),
        ("provider", "timeout"),
        ("pauses",),
        ("tolerance",),
    ):
        part = child(activity, *keys)
        if part is not None:
            yield part
