"""Kind `remove`: killed and removed, with what it had written and its anonymous volumes."""

from chaoskit.target.surgery.kind import EngineKind, Table, never_undone
from chaoskit.target.surgery.place import take_away


def _prepare(table: Table) -> dict[str, str]:
    table.must_find()
    return {}


def _do(table: Table) -> None:
    take_away(table.must_find(), volumes=True)


def _check(table: Table) -> tuple[bool, str]:
    container = table.find()
    if container is None:
        return bool(
            table.params.get("tag")
        ), f"the engine knows no container {table.instance.id[:12]}"
    return False, f"the engine says {container.status}"


KIND = EngineKind(prepare=_prepare, do=_do, check=_check, undo=never_undone, counts_from_order=True)
