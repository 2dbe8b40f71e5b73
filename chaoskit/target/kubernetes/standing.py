"""Targets in clusters that stand without a run: those of `chaoskit up`, and those that always do."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaoskit.errors import ChaoskitError, EnvironmentUnfit, FaultRefused, InputError, Problem
from chaoskit.model.target import TargetSpec
from chaoskit.target.engine import RUN_LABEL, UP_LABEL
from chaoskit.target.kubernetes.access import entering, refuse_unfit
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, reach
from chaoskit.target.kubernetes.nodeagent import NOT_OURS
from chaoskit.target.kubernetes.paths import NAMESPACES, pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state
from chaoskit.target.kubernetes.stack import ClusterStack, remove_namespace

Tell = Callable[[str], None]


def namespace_of(spec: TargetSpec) -> str:
    """Where a target stands when no run has put it anywhere."""
    assert spec.cluster is not None
    return spec.cluster.namespace or f"chaoskit-up-{spec.name}".lower()[:63].rstrip("-")


def up(spec: TargetSpec, objects: Sequence[Mapping[str, Any]], tell: Tell) -> ClusterStack:
    """Start a target that stays. Raises EnvironmentUnfit, and InputError when it stands already."""
    assert spec.cluster is not None
    if not spec.cluster.own:
        message = f"{spec.name} stands in the namespace {namespace_of(spec)!r} already"
        hint = "`chaos run` finds it when CHAOSKIT_TARGET names it"
        raise InputError(Problem(file=str(spec.folder), message=message, hint=hint))
    if entering(spec):
        message = f"{spec.name} is entered through a port-forward, which ends with who began it"
        hint = "`chaoskit run` it, or enter it through a node port"
        raise InputError(Problem(file=str(spec.folder), message=message, hint=hint))
    api = reach(spec.cluster.context)
    refuse_unfit(api, spec, ())
    stack = _stack(spec, api)
    if api.find(f"{NAMESPACES}/{stack.namespace}") is not None:
        message = f"the namespace {stack.namespace} is there already; see `chaoskit status`"
        raise InputError(Problem(file=str(spec.folder), message=message))
    try:
        stack.start(objects, tell)
    except BaseException:
        stack.down()
        raise
    return stack


def down(spec: TargetSpec) -> tuple[str, ...]:
    """Remove what `up` has started; what was removed. Raises EnvironmentUnfit, LiftFailed."""
    assert spec.cluster is not None
    if not spec.cluster.own:
        message = f"{spec.name} stands in a namespace that is not ours to remove"
        raise InputError(Problem(file=str(spec.folder), message=message))
    api, name = reach(spec.cluster.context), namespace_of(spec)
    found = _found(api, name)
    labels = (found or {}).get("metadata", {}).get("labels") or {}
    if found is None or labels.get(UP_LABEL) != spec.name:
        return ()
    remove_namespace(api, name)
    return (f"namespace {name}",)


def attach(spec: TargetSpec, api: Api) -> ClusterStack:
    """The target as it stands. Raises FaultRefused when it does not, EnvironmentUnfit."""
    stack = _stack(spec, api)
    if entering(spec):
        message = (
            f"{spec.name} is entered through a port-forward, and nobody here could tell its breaks "
            "from the service's: `chaoskit run` does, or enter it through a node port"
        )
        raise FaultRefused(message)
    if _found(api, stack.namespace) is None:
        message = (
            f"{spec.name} is not up (no namespace {stack.namespace!r}): chaoskit up {spec.name}"
        )
        raise FaultRefused(message)
    stack.attach()
    return stack


def names_up() -> tuple[str, ...]:
    """Targets that `up` has started in the current cluster; none when there is no cluster."""
    try:
        items, _ = reach().items(NAMESPACES, UP_LABEL)
    except (ChaoskitError, ApiError, ApiAway):
        return ()
    return tuple(sorted(str(one["metadata"]["labels"][UP_LABEL]) for one in items))


def rows() -> list[dict[str, Any]]:
    """Every namespace of ours in the current cluster, with its pods, for `chaoskit status`.

    Raises EnvironmentUnfit when no cluster is configured, or it does not answer.
    """
    api = reach()
    found: list[dict[str, Any]] = []
    try:
        for label, kind in ((UP_LABEL, "up in a cluster"), (RUN_LABEL, "run in a cluster")):
            items, _ = api.items(NAMESPACES, label)
            for one in items:
                meta = one["metadata"]
                here, _ = api.items(pods(meta["name"]), NOT_OURS)
                instances = [_row(pod_state(pod)) for pod in here]
                row = {"name": meta["labels"][label], "kind": kind, "namespace": meta["name"]}
                found.append({**row, "instances": instances})
    except (ApiError, ApiAway) as error:
        message = f"the cluster does not say what stands in it: {error}"
        raise EnvironmentUnfit(message) from error
    return found


def _row(pod: PodState) -> dict[str, str]:
    word = "terminating" if pod.terminating else f"{pod.phase} {'' if pod.ready else 'not '}ready"
    return {"name": pod.name, "state": word}


def _stack(spec: TargetSpec, api: Api) -> ClusterStack:
    labels = {UP_LABEL: spec.name}
    return ClusterStack(spec=spec, api=api, namespace=namespace_of(spec), labels=labels)


def _found(api: Api, namespace: str) -> dict[str, Any] | None:
    try:
        return api.find(f"{NAMESPACES}/{namespace}")
    except (ApiError, ApiAway) as error:
        message = f"the cluster does not say whether {namespace} is there: {error}"
        raise EnvironmentUnfit(message) from error
