"""Whether a Python function exists, without importing its module.

An import may be slow, and may do anything. So modules are found by their files, and functions in
their syntax trees. Where that cannot tell (a C extension, a star import), nothing is said.
"""

import ast
import functools
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

_MAX_BYTES = 512 * 1024


def find_source(module: str) -> Path | None:
    """The file of a module. Raises ModuleNotFoundError; None when it has no Python source.

    As under Chaos Toolkit, the current folder counts too.
    """
    if module.partition(".")[0] in sys.builtin_module_names or module in sys.modules:
        file = getattr(sys.modules.get(module), "__file__", None) or ""
        return Path(file) if file.endswith(".py") else None
    return _found(module, (*sys.path, str(Path.cwd())))


@functools.lru_cache(maxsize=256)  # a suite of a thousand experiments names the same few
def _found(module: str, places: tuple[str, ...]) -> Path | None:
    path = list(places)
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None and depth == 1:
            spec = importlib.util.find_spec(name)  # an editable installation has its own finder
        if spec is None:
            raise ModuleNotFoundError(name)
        if depth == len(parts):
            is_source = spec.origin is not None and spec.origin.endswith(".py")
            return Path(spec.origin) if is_source and spec.origin else None
        if spec.submodule_search_locations is None:
            raise ModuleNotFoundError(".".join(parts[: depth + 1]))
        path = list(spec.submodule_search_locations)
    return None


class Functions:
    """What a module's source defines at its top level."""

    def __init__(self, source: Path) -> None:
        self.names: set[str] = set()
        self.definitions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self.certain = False  # whether nothing else can be in it
        if source.stat().st_size <= _MAX_BYTES:
            try:
                tree = ast.parse(source.read_bytes())
            except (SyntaxError, ValueError):
                return
            self.certain = True
            for statement in _top_level(tree.body):
                self._take(statement)

    def _take(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.names.add(node.name)
            self.definitions[node.name] = node
            if node.name == "__getattr__":
                self.certain = False
        elif isinstance(node, ast.ClassDef):
            self.names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._take_import(node)
        else:
            stored = (one for one in ast.walk(node) if isinstance(one, ast.Name))
            self.names.update(one.id for one in stored if isinstance(one.ctx, ast.Store))

    def _take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.certain = False
            self.names.add(alias.asname or alias.name.partition(".")[0])

    def wrong_arguments(self, function: str, given: set[str]) -> tuple[set[str], set[str]]:
        """Arguments that are missing, and those that it does not take; empty where unsure."""
        node = self.definitions.get(function)
        if node is None or node.decorator_list:
            return set(), set()
        spec = node.args
        by_position = [one.arg for one in (*spec.posonlyargs, *spec.args)]
        optional = set(by_position[len(by_position) - len(spec.defaults) :])
        for one, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            by_position.append(one.arg)
            if default is not None:
                optional.add(one.arg)
        filled_in = {"configuration", "secrets"}
        missing = set(by_position) - optional - given - filled_in
        unknown = set() if spec.kwarg else given - set(by_position)
        return missing, unknown


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that are run on import, those within if, try and with included."""
    for node in body:
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                yield from _top_level(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                yield from _top_level(handler.body)
        else:
            yield node
