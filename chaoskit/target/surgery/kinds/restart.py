"""Kind `restart`: the engine stops an instance and starts it again, as in a rolling restart.

Parameters: `grace_s`; then also `started_at`, the engine's stamp of the life that is to end.
"""

from chaoskit.target.surgery.kind import GONE, EngineKind, Table, never_undone


def _prepare(table: Table) -> dict[str, str]:
    return {"started_at": table.must_run().attrs["State"]["StartedAt"]}


def _do(table: Table) -> None:
    table.must_find().restart(timeout=table.params.get("grace_s", 10))


def _check(table: Table) -> tuple[bool, str]:
    before = table.params.get("started_at")
    container = table.find()
    if container is None:
        return False, GONE
    now = container.attrs["State"]["StartedAt"]
    if before is None or now == before:
        return False, f"started at {now}, and not since"
    return True, f"started at {now}, before that at {before}"


KIND = EngineKind(prepare=_prepare, do=_do, check=_check, undo=never_undone, counts_from_order=True)
