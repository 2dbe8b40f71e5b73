"""The shelf of what the engine can do: one file each, imported at first use."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from chaoskit.target.surgery.kind import EngineKind


class Shelf(Mapping[str, EngineKind]):
    """Every kind by name, which is its file's; reading one imports it."""

    def __init__(self) -> None:
        self._names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))

    def __getitem__(self, name: str) -> EngineKind:
        if name not in self._names:
            raise KeyError(name)
        kind: EngineKind = importlib.import_module(f"{__name__}.{name}").KIND
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


KINDS = Shelf()
