"""The shelf of kinds: one file each, found by listing the folder and imported at first use.

Most orders of a run are for one or two kinds, and an agent that imports them all starts later.
"""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from chaoskit.agent.kind import Kind

_RENAMED = {"signals": "signal"}  # a module of the kind's own name would hide Python's


class Shelf(Mapping[str, Kind]):
    """Every kind by name; reading one imports it."""

    def __init__(self) -> None:
        files = (path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
        self._modules = {_RENAMED.get(name, name): f"{__name__}.{name}" for name in sorted(files)}

    def add(self, name: str, module: str) -> None:
        """A kind of another package, for the harness; the agent has a copy of it in this folder."""
        self._modules[name] = module

    def __getitem__(self, name: str) -> Kind:
        module = importlib.import_module(self._modules[name])
        kind: Kind = module.KIND
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


KINDS = Shelf()
