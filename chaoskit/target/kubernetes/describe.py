"""What a result may depend on, of a cluster; asked first, so that a run without one starts nothing."""

from contextlib import closing

from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, reach
from chaoskit.target.kubernetes.paths import NODES


def cluster(context: str) -> dict[str, str]:
    """The cluster of a context. Raises EnvironmentUnfit."""
    with closing(reach(context)) as api:
        return _described(api, context)


def _described(api: Api, context: str) -> dict[str, str]:
    version = api.get("/version")
    suffix = f" {context}" if context else ""
    found = {f"kubernetes{suffix}": str(version.get("gitVersion", "unknown"))}
    try:
        nodes, _ = api.items(NODES)
    except (ApiError, ApiAway):
        return found  # who may not look at nodes can still run an experiment
    info = [one["status"].get("nodeInfo") or {} for one in nodes]
    found[f"nodes{suffix}"] = str(len(nodes))
    for key, name in (("kubelet", "kubeletVersion"), ("runtime", "containerRuntimeVersion")):
        told = sorted({str(one[name]) for one in info if name in one})
        if told:
            found[f"{key}{suffix}"] = ", ".join(told)
    return found
