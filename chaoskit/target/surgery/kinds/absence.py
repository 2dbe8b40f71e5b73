"""Kind `absence`: an instance is stopped and removed; it is made again when the fault is lifted.

Parameters: `grace_s`, `tag`; then also `saved`, the instance as data.
"""

from typing import Any

from chaoskit.target.surgery.kind import EngineKind, Table
from chaoskit.target.surgery.place import not_restored, put_back, take_away
from chaoskit.target.surgery.recreate import save


def _prepare(table: Table) -> dict[str, Any]:
    return {"saved": save(table.must_run())}


def _do(table: Table) -> None:
    container = table.must_find()
    container.stop(timeout=table.params.get("grace_s", 10))
    take_away(container, volumes=True)


KIND = EngineKind(
    prepare=_prepare, do=_do, check=not_restored, undo=put_back, counts_from_order=True
)
