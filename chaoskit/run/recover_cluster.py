"""Undoing what a dead run left in a cluster: from its undo log, and from its namespaces."""

from collections.abc import Callable, Sequence
from contextlib import closing

from chaoskit.errors import ChaoskitError, LiftFailed
from chaoskit.model.faults import Doer
from chaoskit.run.undo_log import ClusterPlace, Entry, UndoLog
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, reach
from chaoskit.target.kubernetes.hand import ClusterHand
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.stack import own_namespaces, remove_namespace

Tell = Callable[[str], None]


def undo_in_clusters(undo_log: UndoLog, tell: Tell) -> tuple[list[str], list[str]]:
    """(what was undone, what would not go), for everything of clusters that the log leaves open."""
    open_entries = [one for one in undo_log.open_entries() if one.operation.doer is Doer.CLUSTER]
    undone: list[str] = []
    failed: list[str] = []
    for place in undo_log.clusters:
        here = [one for one in open_entries if _is_at(one, place)]
        if not here:
            continue
        api = reach(place.context)
        hand = ClusterHand.of(
            api,
            place.namespace,
            image=str(here[0].operation.params.get("agent_image", "")),
            labels={RUN_LABEL: undo_log.run_id},
        )
        try:
            for entry in here:
                lifted, words = _undo(hand, undo_log, entry)
                (undone if lifted else failed).append(words)
                tell(words)
        finally:
            hand.close()
            api.close()
    return undone, failed


def remove_from_clusters(places: Sequence[ClusterPlace], run_id: str, tell: Tell) -> list[str]:
    """Remove the run's own namespaces, and its helpers elsewhere. Raises LiftFailed."""
    removed: list[str] = []
    for place in places:
        with closing(reach(place.context)) as api:
            found = _remove(api, place, run_id)
        for one in found:
            tell(f"removed {one}")
        removed += found
    return removed


def _remove(api: Api, place: ClusterPlace, run_id: str) -> list[str]:
    try:
        removed = _helpers(api, place, run_id)
        names = own_namespaces(api, run_id) if place.own else ()
    except (ApiError, ApiAway) as error:
        message = f"the cluster does not say what is left of run {run_id}: {error}"
        raise LiftFailed(message) from error
    for name in names:
        remove_namespace(api, name)
    return removed + [f"namespace {name}" for name in names]


def left_in_clusters(places: Sequence[ClusterPlace], run_id: str) -> list[str]:
    """What a run has left in clusters, as far as they answer."""
    found: list[str] = []
    for place in places:
        if place.own:
            try:
                found += [
                    f"namespace {one}" for one in own_namespaces(reach(place.context), run_id)
                ]
            except (ApiError, ApiAway, ChaoskitError):
                found.append(f"maybe namespace {place.namespace} (the cluster does not answer)")
    return found


def _helpers(api: Api, place: ClusterPlace, run_id: str) -> list[str]:
    if place.own:
        return []  # they go with the namespace
    items, _ = api.items(pods(place.namespace), f"{RUN_LABEL}={run_id}")
    for one in items:
        api.delete(pods(place.namespace, one["metadata"]["name"]), gracePeriodSeconds=0)
    return [f"pod {one['metadata']['name']}" for one in items]


def _is_at(entry: Entry, place: ClusterPlace) -> bool:
    params = entry.operation.params
    return params.get("namespace") == place.namespace and params.get("context") == place.context


def _undo(hand: ClusterHand, undo_log: UndoLog, entry: Entry) -> tuple[bool, str]:
    try:
        gone = hand.undo(entry.handle, entry.operation)
    except ChaoskitError as error:
        return False, f"{entry} may still be on: {error}"
    undo_log.lifted(entry.handle, gone)
    return True, f"{entry}: {gone.evidence}"
