"""What a cluster must have before anything in it is changed: the refusals, all at once.

Rights are asked from the server beforehand, because a run that learns half-way that it may not undo
what it did would leave a fault behind.
"""

from collections.abc import Collection, Iterable, Mapping

from chaoskit.errors import EnvironmentUnfit
from chaoskit.model.target import Cluster, TargetSpec
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.forward.handle import THROUGH
from chaoskit.target.kubernetes.kind import Right
from chaoskit.target.kubernetes.kinds import KINDS
from chaoskit.target.kubernetes.making import asking, making
from chaoskit.target.kubernetes.nodeagent import NOT_OURS
from chaoskit.target.kubernetes.paths import NAMESPACES, NoSuchKind, of_object, pods
from chaoskit.target.kubernetes.prober_pod import RIGHTS as PROBER
from chaoskit.target.kubernetes.rollouts import ROLLBACKS
from chaoskit.target.kubernetes.scaling import SCALERS
from chaoskit.target.kubernetes.witness import watched_kinds

LOOKING = (
    Right("list", "pods"),
    Right("watch", "pods"),
    Right("list", "events"),
    Right("watch", "events"),
    Right("get", "services"),
)
LEASES = (
    Right("create", "configmaps"),
    Right("list", "configmaps"),
    Right("patch", "configmaps"),
    Right("delete", "configmaps"),
)
NODES = (Right("list", "nodes", everywhere=True),)  # to find an address for a node port
LOGS = (Right("get", "pods/log"),)
ROLES = (Right("create", "pods/exec"), Right("get", "pods/exec"))
WATCH_NODES = Right("watch", "nodes", everywhere=True)  # where it is allowed, lost ones are seen
# What the healers' own watches need; of nodes only what is allowed is looked at.
_DEPLOYMENTS = (Right("list", "deployments", "apps"), Right("watch", "deployments", "apps"))
HEALERS: Mapping[str, tuple[Right, ...]] = {
    ROLLBACKS: (
        *_DEPLOYMENTS,
        Right("list", "replicasets", "apps"),
        Right("watch", "replicasets", "apps"),
    ),
    SCALERS: (
        *_DEPLOYMENTS,
        Right("list", "statefulsets", "apps"),
        Right("watch", "statefulsets", "apps"),
        Right("list", "horizontalpodautoscalers", "autoscaling"),
        Right("watch", "horizontalpodautoscalers", "autoscaling"),
    ),
}
FORWARDING = (  # a WebSocket begins as a GET; servers since 1.35 want `create` for it, too
    Right("create", "pods/portforward"),
    Right("get", "pods/portforward"),
    Right("get", "pods"),
    Right("list", "endpointslices", "discovery.k8s.io"),
    Right("watch", "endpointslices", "discovery.k8s.io"),
)
PLACE = (Right("get", "namespaces"),)  # of one that stands already
OWN = (
    Right("create", "namespaces", everywhere=True),
    Right("get", "namespaces", everywhere=True),
    Right("delete", "namespaces", everywhere=True),
    Right("delete", "pods"),
)


def rights_of(kinds: Iterable[str]) -> tuple[Right, ...]:
    """What the faults of these kinds need, besides looking."""
    found = [right for one in kinds if one in KINDS for right in KINDS[one].rights]
    return tuple(dict.fromkeys((*found, *LEASES)))


def watching(healers: Iterable[str]) -> tuple[Right, ...]:
    """What bearing witness for these kinds of healers needs, besides looking."""
    found = [right for one in healers for right in HEALERS.get(one, ())]
    return tuple(dict.fromkeys(found))


def entering(spec: TargetSpec) -> tuple[Right, ...]:
    """What a port-forward needs, when users enter so."""
    return FORWARDING if any(one.through == THROUGH for one in spec.entrypoints) else ()


def seeing(spec: TargetSpec) -> tuple[Right, ...]:
    """What bearing witness for a target's healers needs, and finding out who plays its roles."""
    logs = LOGS if any(one.log is not None for one in spec.healers) else ()
    return (*watching(watched_kinds(spec)), *logs, *(ROLES if spec.roles else ()))


def missing_rights(api: Api, kinds: Iterable[str], namespace: str) -> tuple[str, ...]:
    """What we may not do of what the faults of these kinds need. Raises ApiError, ApiAway."""
    return tuple(str(one) for one in rights_of(kinds) if not _may(api, one, namespace))


def refuse_unfit(api: Api, spec: TargetSpec, kinds: Collection[str]) -> None:
    """Raises EnvironmentUnfit with everything that is missing."""
    cluster = spec.cluster
    assert cluster is not None
    try:
        found = [*_rights(api, spec, kinds), *_place(api, cluster), *_custom(api, cluster)]
        found += _helpers(cluster, kinds)
        found += _prober_place(api, cluster)
    except (ApiError, ApiAway) as error:
        message = f"{spec.title}: the cluster does not say what we may do: {error}"
        raise EnvironmentUnfit(message) from error
    if found:
        message = f"{spec.title} cannot be run on {api.host}: {'; '.join(found)}"
        raise EnvironmentUnfit(message)


def _rights(api: Api, spec: TargetSpec, kinds: Iterable[str]) -> Iterable[str]:
    cluster = spec.cluster
    assert cluster is not None
    by_node = any(one.through == "node-port" for one in spec.entrypoints)
    needed = [*LOOKING, *rights_of(kinds), *(OWN if cluster.own else PLACE)]
    needed += NODES if by_node else ()
    needed += seeing(spec)
    needed += making(cluster.objects, asking(api))
    needed += entering(spec)
    missing = [str(one) for one in dict.fromkeys(needed) if not _may(api, one, cluster.namespace)]
    if cluster.prober is not None:
        where = cluster.prober.namespace or cluster.namespace
        told = f" in {where}" if cluster.prober.namespace else ""
        needed = [*PROBER, *(PLACE if cluster.prober.namespace else ())]
        denied = [f"{one}{told}" for one in needed if not _may(api, one, where)]
        missing = list(dict.fromkeys((*missing, *denied)))
    if missing:
        yield (
            f"our account may not {', '.join(missing)}; `chaoskit k8s rbac --target {spec.name}` "
            "prints the roles that it and the faults need"
        )


def _may(api: Api, right: Right, namespace: str) -> bool:
    where = "" if right.everywhere else namespace
    return api.may(right.verb, right.resource, group=right.group, namespace=where)


def _place(api: Api, cluster: Cluster) -> Iterable[str]:
    if cluster.own:
        return
    namespace = api.find(f"{NAMESPACES}/{cluster.namespace}")
    if namespace is None:
        yield f"there is no namespace {cluster.namespace!r}"
        return
    if (namespace.get("status") or {}).get("phase") == "Terminating":
        yield f"the namespace {cluster.namespace!r} is being deleted"
        return
    chosen, _ = api.items(pods(cluster.namespace), cluster.selector)
    everything, _ = api.items(pods(cluster.namespace), NOT_OURS)
    if not chosen:
        yield f"the selector {cluster.selector!r} matches no pod in {cluster.namespace!r}"
    elif len(chosen) == len(everything) and not cluster.whole:
        yield (
            f"the selector {cluster.selector!r} matches every pod in {cluster.namespace!r}; if "
            "that is meant, say so in target.yaml: whole: true"
        )


def _prober_place(api: Api, cluster: Cluster) -> Iterable[str]:
    name = cluster.prober.namespace if cluster.prober is not None else ""
    if not name or name == cluster.namespace:
        return
    namespace = api.find(f"{NAMESPACES}/{name}")
    if namespace is None:
        yield f"there is no namespace {name!r} for the prober's pod"
    elif (namespace.get("status") or {}).get("phase") == "Terminating":
        yield f"the prober's namespace {name!r} is being deleted"


def _helpers(cluster: Cluster, kinds: Iterable[str]) -> Iterable[str]:
    by_helper = [one for one in kinds if one in KINDS and KINDS[one].on_node]
    if by_helper and not cluster.agent_image:
        yield (
            f"{', '.join(by_helper)} is done by a pod of ours on a node, and target.yaml does not "
            "say from which image: kubernetes: agent_image"
        )


def _custom(api: Api, cluster: Cluster) -> Iterable[str]:
    for item in cluster.objects:
        try:
            of_object(api, item, "")
        except NoSuchKind as error:
            yield f"{error}, which {item['metadata']['name']} needs: install its definition first"
