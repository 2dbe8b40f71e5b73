"""Where objects live on an API server: kind → collection, asked from the server for custom ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaoskit.target.kubernetes.api import Api, ApiError

# Kinds of a namespace that every cluster has; what is not here is found by discovery.
_KNOWN: Mapping[tuple[str, str], str] = {
    **{
        ("v1", kind): plural
        for kind, plural in (
            ("Pod", "pods"),
            ("Service", "services"),
            ("ConfigMap", "configmaps"),
            ("Secret", "secrets"),
            ("ServiceAccount", "serviceaccounts"),
            ("PersistentVolumeClaim", "persistentvolumeclaims"),
            ("ResourceQuota", "resourcequotas"),
            ("LimitRange", "limitranges"),
            ("Endpoints", "endpoints"),
            ("Event", "events"),
        )
    },
    **{
        ("apps/v1", kind): plural
        for kind, plural in (
            ("Deployment", "deployments"),
            ("StatefulSet", "statefulsets"),
            ("DaemonSet", "daemonsets"),
            ("ReplicaSet", "replicasets"),
        )
    },
    ("batch/v1", "Job"): "jobs",
    ("batch/v1", "CronJob"): "cronjobs",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "horizontalpodautoscalers",
    ("policy/v1", "PodDisruptionBudget"): "poddisruptionbudgets",
    ("networking.k8s.io/v1", "NetworkPolicy"): "networkpolicies",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
    ("rbac.authorization.k8s.io/v1", "Role"): "roles",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "rolebindings",
}

NODES = "/api/v1/nodes"
NAMESPACES = "/api/v1/namespaces"


@dataclass(frozen=True)
class NoSuchKind(Exception):
    """The cluster serves no such kind: its custom resource definition is not installed."""

    version: str
    kind: str

    def __str__(self) -> str:
        return f"the cluster serves no {self.kind} of {self.version}"


def collection(version: str, plural: str, namespace: str = "") -> str:
    """The path of a collection: `v1` and `pods`, or `apps/v1` and `deployments`."""
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{plural}"


def pods(namespace: str, name: str = "") -> str:
    """The pods of a namespace, or one of them."""
    return _one(collection("v1", "pods", namespace), name)


def core(plural: str, namespace: str, name: str = "") -> str:
    """Something of the core group: services, configmaps, events ..."""
    return _one(collection("v1", plural, namespace), name)


def apps(plural: str, namespace: str, name: str = "") -> str:
    """A workload: deployments, statefulsets, daemonsets, replicasets."""
    return _one(collection("apps/v1", plural, namespace), name)


def scalers(namespace: str) -> str:
    """The HorizontalPodAutoscalers of a namespace."""
    return collection("autoscaling/v2", "horizontalpodautoscalers", namespace)


def node(name: str) -> str:
    """One node."""
    return f"{NODES}/{name}"


def of_object(api: Api, item: Mapping[str, Any], namespace: str) -> str:
    """The collection that an object belongs to. Raises NoSuchKind, ApiError, ApiAway."""
    version, kind = str(item["apiVersion"]), str(item["kind"])
    plural = known_plural(version, kind) or discovered(api, version, kind)
    return collection(version, plural, namespace)


def known_plural(version: str, kind: str) -> str:
    """The resource of a kind that every cluster has; "" for one that must be asked for."""
    return _KNOWN.get((version, kind), "")


def discovered(api: Api, version: str, kind: str) -> str:
    """The resource of any kind, by the cluster's word. Raises NoSuchKind, ApiError, ApiAway."""
    try:
        served = api.get(f"/api/{version}" if "/" not in version else f"/apis/{version}")
    except ApiError as error:
        if error.status == 404:
            raise NoSuchKind(version, kind) from error
        raise
    for one in served.get("resources", ()):
        if one["kind"] == kind and "/" not in one["name"]:
            return str(one["name"])
    raise NoSuchKind(version, kind)


def _one(path: str, name: str) -> str:
    return f"{path}/{name}" if name else path
