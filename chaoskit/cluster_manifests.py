"""Manifests for people who run chaoskit against a cluster: the least rights that faults need."""

from collections.abc import Iterable
from contextlib import closing

import yaml

from chaoskit.errors import EnvironmentUnfit, InputError, Problem
from chaoskit.faults.base import catalogue
from chaoskit.healers.base import catalogue as kinds_of_healers
from chaoskit.model.target import Cluster, TargetSpec
from chaoskit.plan.report import suggest
from chaoskit.target.kubernetes.access import (
    FORWARDING,
    LOOKING,
    NODES,
    OWN,
    PLACE,
    WATCH_NODES,
    entering,
    rights_of,
    seeing,
    watching,
)
from chaoskit.target.kubernetes.api import ApiAway, ApiError, reach
from chaoskit.target.kubernetes.kind import Right
from chaoskit.target.kubernetes.making import making
from chaoskit.target.kubernetes.paths import NoSuchKind, discovered
from chaoskit.target.kubernetes.prober_pod import RIGHTS as PROBER

__all__ = ["FORWARDING", "cluster_of", "prober_roles", "roles", "roles_for", "witnessing"]

_RBAC = "rbac.authorization.k8s.io"


def roles(
    faults: Iterable[str],
    *,
    namespace: str | None,
    account: str,
    home: str = "",
    more: Iterable[Right] = (),
) -> str:
    """A service account with exactly the rights that these faults need. Raises InputError.

    With a namespace, the rights in it are a Role there. Without one, a run makes its own namespace,
    whose name nobody knows beforehand, so all of them must be cluster-wide. `home` is the account's
    own namespace, when it is another; `more` is what else is needed: for healers, or a target's objects.
    """
    shelf = {name: one for name, one in catalogue().items() if one.in_cluster}
    chosen = tuple(faults) or tuple(shelf)
    for name in chosen:
        if name not in shelf:
            what = f"no fault named {name!r} is done in a cluster"
            raise InputError(Problem(file="chaoskit k8s", message=what, hint=suggest(name, shelf)))
    kinds = [kind for name in chosen for kind in (*shelf[name].needs, *shelf[name].ways)]
    rights = [*LOOKING, *rights_of(kinds), *NODES, WATCH_NODES, *more]
    rights += PLACE if namespace else OWN
    home = home or namespace or "default"
    wide = [one for one in rights if one.everywhere or not namespace]
    near = [one for one in rights if one not in wide]
    who = {"kind": "ServiceAccount", "name": account, "namespace": home}
    found: list[dict[str, object]] = [
        {"apiVersion": "v1", "kind": "ServiceAccount",
         "metadata": {"name": account, "namespace": home}},
        *_pair("ClusterRole", account, wide, who, None),
    ]  # fmt: skip
    if near:
        found += _pair("Role", account, near, who, namespace)
    header = f"# What chaoskit needs for: {', '.join(chosen)}\n"
    return header + yaml.safe_dump_all(found, sort_keys=False)


def witnessing(healers: Iterable[str]) -> tuple[Right, ...]:
    """What bearing witness for these kinds of healers needs. Raises InputError."""
    for name in healers:
        if name not in kinds_of_healers():
            what = f"no kind of healer named {name!r}"
            hint = suggest(name, kinds_of_healers())
            raise InputError(Problem(file="chaoskit k8s", message=what, hint=hint))
    return watching(healers)


def cluster_of(spec: TargetSpec, namespace: str | None) -> Cluster:
    """Where a target is; no other namespace than its own may be asked for. Raises InputError."""
    cluster = spec.cluster
    if cluster is None:
        message = f"the target {spec.name} is in a Compose project, not in a Kubernetes cluster"
        hint = "name one with `kubernetes:`"
        raise InputError(Problem(file="chaoskit k8s", message=message, hint=hint))
    if namespace and namespace != cluster.namespace:
        where = f"stands in {cluster.namespace}" if cluster.namespace else "gets its own namespace"
        message = f"--namespace {namespace}: the target {spec.name} {where}"
        hint = "leave --namespace out"
        raise InputError(Problem(file="chaoskit k8s", message=message, hint=hint))
    return cluster


def roles_for(
    spec: TargetSpec,
    faults: Iterable[str],
    *,
    account: str,
    home: str = "",
    more: Iterable[Right] = (),
) -> str:
    """The same for one target: its namespace, its healers, and making what its manifests hold.

    A cluster is asked only for kinds that not every one has. Raises InputError, EnvironmentUnfit.
    """
    cluster = cluster_of(spec, None)

    def discover(version: str, kind: str) -> str:
        try:
            with closing(reach(cluster.context)) as api:
                return discovered(api, version, kind)
        except (NoSuchKind, ApiError, ApiAway, EnvironmentUnfit) as error:
            message = f"what {kind} of {version} is called, only a cluster tells: {error}"
            raise EnvironmentUnfit(message) from error

    found = roles(
        faults,
        namespace=cluster.namespace or None,
        account=account,
        home=home,
        more=(
            *seeing(spec),
            *making(cluster.objects, discover),
            *entering(spec),
            *more,
        ),
    )
    if cluster.prober is not None:
        beside = cluster.prober.namespace or cluster.namespace or None
        found += prober_roles(beside, account=account, home=home or cluster.namespace)
    return found


def prober_roles(namespace: str | None, *, account: str, home: str | None) -> str:
    """What the account, of the namespace `home`, also needs for a prober's pod, in this namespace.

    None: in one of the run's own, whose name nobody knows beforehand; of `default`.
    """
    kind = "Role" if namespace else "ClusterRole"
    who = {"kind": "ServiceAccount", "name": account, "namespace": home or "default"}
    found = _pair(kind, f"{account}-prober", (*PROBER, *PLACE), who, namespace)
    return f"---\n{yaml.safe_dump_all(found, sort_keys=False)}"


def _pair(
    kind: str, name: str, rights: Iterable[Right], who: dict[str, str], namespace: str | None
) -> Iterable[dict[str, object]]:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": meta, "rules": _rules(rights)}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{kind}Binding",
        "metadata": dict(meta),
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
        "subjects": [dict(who)],
    }


def _rules(rights: Iterable[Right]) -> list[dict[str, list[str]]]:
    verbs: dict[tuple[str, str], list[str]] = {}
    for one in dict.fromkeys(rights):
        verbs.setdefault((one.group, one.resource), []).append(one.verb)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": list(dict.fromkeys(said))}
        for (group, resource), said in sorted(verbs.items())
    ]
