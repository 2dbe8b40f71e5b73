"""Kind `stop`: shut down the polite way, and down until it is started again. `grace_s`."""

from chaoskit.target.surgery.kind import GONE, EngineKind, Table
from chaoskit.target.surgery.networks import lost, start


def _prepare(table: Table) -> dict[str, str]:
    table.must_run()
    return {}


def _do(table: Table) -> None:
    table.must_find().stop(timeout=table.params.get("grace_s", 10))


def _check(table: Table) -> tuple[bool, str]:
    container = table.find()
    if container is None:
        return False, GONE
    state = container.attrs["State"]
    down = not state["Running"] and not state["Restarting"]
    if down and (network := lost(table.client, container)):
        return False, f"its network {network} was removed, so nobody can start it"
    return down, f"the engine says {state['Status']}"


def _undo(table: Table) -> None:
    start(table.client, table.must_find())


KIND = EngineKind(prepare=_prepare, do=_do, check=_check, undo=_undo, counts_from_order=True)
