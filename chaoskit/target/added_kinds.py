"""Kinds of operations that other packages add: a module of theirs becomes a file of the agent.

    [project.entry-points."chaoskit.agent_kinds"]
    melt = "my_package.agent_kinds.melt"

The agent's image holds nothing but Debian's Python, so the module may import the standard library and
`chaoskit.agent` only. With such a package installed the image is another one, named by its own hash.
"""

import ast
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from chaoskit import plugins
from chaoskit.agent.kind import Kind
from chaoskit.agent.kinds import KINDS


@cache
def added() -> plugins.Stock[Path]:
    """The source files by kind, and what cannot be used. Makes them known to KINDS."""
    own = set(KINDS)
    found = plugins.added(plugins.AGENT_KINDS, own, _accepted)
    for plugin in plugins.in_group(plugins.AGENT_KINDS):
        if plugin.name in found.entries:
            KINDS.add(plugin.name, plugin.module)
    return found


def lay_out(agent: Path, folder: Path) -> None:
    """The agent's build context, with the added kinds among its own, in a new folder."""
    shutil.copytree(agent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, source in added().entries.items():
        shutil.copyfile(source, folder / "kinds" / f"{name}.py")


def _accepted(plugin: plugins.Plugin, found: object) -> Path:
    if not plugin.name.isidentifier():
        message = "its name is that of a module, so it can have no hyphen"
        raise plugins.Unusable(message)
    if not isinstance(getattr(found, "KIND", None), Kind):
        message = f"{plugin.value} is no module with a chaoskit.agent.kind.Kind called KIND"
        raise plugins.Unusable(message)
    spec = importlib.util.find_spec(plugin.module)
    source = Path(spec.origin) if spec is not None and spec.origin else Path()
    if source.suffix != ".py":
        message = f"{plugin.value} has no Python source that the agent could run"
        raise plugins.Unusable(message)
    if foreign := sorted(set(_imported(source)) - _ALLOWED):
        message = f"it imports {', '.join(foreign)}, and the agent has only the standard library"
        raise plugins.Unusable(message)
    return source


_ALLOWED = sys.stdlib_module_names | {"chaoskit.agent"}


def _imported(source: Path) -> Iterator[str]:
    """What a file imports: the first part of each name, but `chaoskit.agent` as that."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        for name in names:
            inside = name == "chaoskit.agent" or name.startswith("chaoskit.agent.")
            yield "chaoskit.agent" if inside else name.partition(".")[0] or name
