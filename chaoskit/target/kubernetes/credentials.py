"""Which cluster is meant, and who we are there; every way in which that can be wrong is a refusal.

The official client reads the configuration, because it knows about tokens, certificates and
plug-ins. It accepts more than is good for a harness: a file that does not exist is no error to it,
and chaostoolkit-kubernetes takes `a:b` for one path and then talks to nobody.
"""

import os
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from chaoskit.errors import EnvironmentUnfit

VARIABLE = "KUBECONFIG"
_DEFAULT = "~/.kube/config"
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


def load(context: str) -> Any:
    """The client's configuration for a context; "" is the current one. Raises EnvironmentUnfit."""
    settings = client.Configuration()
    named = os.environ.get(VARIABLE, "")
    if not named and not _default().is_file() and os.environ.get(_IN_CLUSTER):
        return _in_cluster(settings)
    try:
        config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(_file(named)),
            context=context or None,
            client_configuration=settings,
            persist_config=False,
        )
    except (ConfigException, TypeError, KeyError, AttributeError, OSError, ValueError) as error:
        message = f"the cluster's configuration {_file(named)} cannot be used: {error}"
        raise EnvironmentUnfit(message) from error
    return settings


def _in_cluster(settings: Any) -> Any:
    try:
        config.load_incluster_config(settings)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        message = f"this is a pod, and its service account cannot be used: {error}"
        raise EnvironmentUnfit(message) from error
    return settings


def _file(named: str) -> Path:
    """The one file that is meant. Raises EnvironmentUnfit."""
    if os.pathsep in named:
        message = (
            f"{VARIABLE} names several files ({named}); chaostoolkit-kubernetes would read none of "
            "them. Make one: kubectl config view --flatten > one.yaml, and name that"
        )
        raise EnvironmentUnfit(message)
    path = Path(named).expanduser() if named else _default()
    if not path.is_file():
        where = f"{VARIABLE} names {path}, which is no file" if named else f"there is no {path}"
        message = f"no cluster is configured: {where}. Set {VARIABLE} to a cluster's configuration"
        raise EnvironmentUnfit(message)
    return path


def _default() -> Path:
    return Path(_DEFAULT).expanduser()
