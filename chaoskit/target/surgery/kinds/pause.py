"""Kind `pause`: the engine's own freezer."""

import docker.errors

from chaoskit.target.surgery.kind import GONE, EngineKind, Table

_FREEZE_TRIES = 3


def _prepare(table: Table) -> dict[str, str]:
    table.must_run()
    return {}


def _do(table: Table) -> None:
    container = table.must_find()
    for tries_left in reversed(range(_FREEZE_TRIES)):
        try:
            container.pause()
        except docker.errors.APIError as error:
            # On cgroup v1 runc gives up when a process forks or sleeps deeply just then.
            if not tries_left or "unable to freeze" not in str(error.explanation or error):
                raise
            continue
        return


def _check(table: Table) -> tuple[bool, str]:
    container = table.find()
    if container is None:
        return False, GONE
    state = container.attrs["State"]
    return bool(state["Paused"]), f"the engine says {state['Status']}"


def _undo(table: Table) -> None:
    table.must_find().unpause()


KIND = EngineKind(prepare=_prepare, do=_do, check=_check, undo=_undo)
