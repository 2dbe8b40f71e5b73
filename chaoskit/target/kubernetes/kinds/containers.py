"""What is done to the processes of a container, by a helper on its node.

Proven twice: the helper sees the processes end or stop, and for a crash the API server shows another
container id or a higher restart count; a `kill` inside the container would do neither.
"""

from typing import Any

from chaoskit.errors import FaultRefused
from chaoskit.target.kubernetes import nodeagent
from chaoskit.target.kubernetes.kind import GONE, ClusterKind, Right, Table, never_undone
from chaoskit.target.kubernetes.podstate import ContainerState, PodState

_RIGHTS = (
    Right("get", "pods"),
    Right("create", "pods"),
    Right("delete", "pods"),
    Right("create", "pods/exec"),
    Right("get", "pods/exec"),
)
NOBODY = "no process of the container"


def _chosen(table: Table) -> tuple[PodState, ContainerState]:
    state = table.must_run()
    wanted = str(table.params.get("container") or "")
    names = [one.name for one in state.containers]
    found = [one for one in state.containers if wanted in {"", one.name}]
    if not found or (len(found) > 1 and not wanted):
        message = (
            f"{state.name} has the containers {', '.join(names)}; say which one: container: NAME"
        )
        raise FaultRefused(message)
    if not found[0].running or not found[0].id:
        message = f"the container {found[0].name} of {state.name} does not run: {found[0].reason}"
        raise FaultRefused(message)
    return state, found[0]


def _prepare(table: Table) -> dict[str, Any]:
    pod, container = _chosen(table)
    table.agents.ready(pod.node)
    return {
        "node": pod.node,
        "container": container.name,
        "container_id": container.id,
        "restarts": container.restarts,
    }


def _run(table: Table, script: str, *more: str) -> str:
    params = table.params
    scope = "main" if script is nodeagent.KILL else "all"
    ended = table.agents.run(params["node"], script, params["container_id"], scope, *more)
    if ended.code != 0:
        words = (ended.err or ended.out).strip()
        message = f"the helper on {params['node']} says: {words or 'nothing'} ({ended.code})"
        raise FaultRefused(message)
    return ended.out.strip()


def _kill(table: Table) -> None:
    _run(table, nodeagent.KILL)


def _crashed(table: Table) -> tuple[bool, str]:
    state = table.find()
    if state is None:
        return True, GONE
    if "container_id" not in table.params:
        return False, "nothing was done yet"
    for one in state.containers:
        if one.name == table.params["container"]:
            before = table.params["restarts"]
            told = f"restart count {before} before and {one.restarts} now"
            other = one.id not in {"", table.params["container_id"]}
            ended = not one.running and bool(one.reason)
            told += f", its container {'has ended' if ended else 'runs'}"
            return one.restarts > before or other or ended, told
    return False, "the container is not told of"


def _lease_file(table: Table) -> str:
    return f"/tmp/chaoskit-{table.params['container_id'][:20]}"  # noqa: S108  # in a pod of ours


def _stop(table: Table) -> None:
    _run(table, nodeagent.STOP, _lease_file(table), str(round(table.params.get("lease_s", 30))))


def _stopped(table: Table) -> tuple[bool, str]:
    states, why_none = _states(table)
    if why_none:
        return False, why_none
    return "T" in states, f"{states.count('T')} of {len(states)} processes are stopped"


def _went_on(table: Table) -> bool:
    """Whether the very container runs on with nobody in it stopped, and nobody of us let it go."""
    states = set(_states(table)[0]) - {"Z", "X"}
    return bool(states) and "T" not in states


def _states(table: Table) -> tuple[list[str], str]:
    """The letters of its processes' states; or why there are none."""
    state = table.find()
    if "container_id" not in table.params:
        return [], "nothing was done yet"
    ids = {one.id for one in state.containers if one.running} if state else set()
    if table.params["container_id"] not in ids:
        return [], GONE if state is None else "another container runs in its place"
    try:
        lines = _run(table, nodeagent.STATES).splitlines()
    except FaultRefused as error:
        if NOBODY in str(error):
            return [], "its processes are gone"
        raise
    return [one.rpartition(")")[2].split()[0] for one in lines], ""


def _let_go(table: Table) -> None:
    try:
        _run(table, nodeagent.CONT, _lease_file(table))
    except FaultRefused as error:
        if NOBODY not in str(error):  # it may have been killed under our hands, and then is gone
            raise


def _renew(table: Table) -> None:
    _run(table, nodeagent.TOUCH, _lease_file(table))


KINDS = {
    "container-kill": ClusterKind(
        prepare=_prepare, do=_kill, check=_crashed, undo=never_undone, rights=_RIGHTS, on_node=True
    ),
    "container-stop": ClusterKind(
        prepare=_prepare,
        do=_stop,
        check=_stopped,
        undo=_let_go,
        renew=_renew,
        went_on=_went_on,
        rights=_RIGHTS,
        on_node=True,
    ),
}
