"""The prober's pod: ours, no part of the target, and gone with the run.

It has no rights on the API server, and nobody in the cluster can speak to it: orders come by exec.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from chaoskit.errors import EnvironmentUnfit
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.exec import Conversation, converse
from chaoskit.target.kubernetes.kind import Right
from chaoskit.target.kubernetes.nodeagent import ROLE
from chaoskit.target.kubernetes.paths import pods
from chaoskit.target.kubernetes.podstate import PodState, pod_state
from chaoskit.target.patience import wait_until

RIGHTS = (
    Right("create", "pods"),
    Right("get", "pods"),
    Right("list", "pods"),  # to find by its label what a killed run has left
    Right("delete", "pods"),
    Right("create", "pods/exec"),
    Right("get", "pods/exec"),
)

_CONTAINER = "prober"
_FOLDER_VARIABLE = "CHAOSKIT_PROBER_FOLDER"  # see chaoskit.run.prober.desk
_HOME = "/tmp"  # noqa: S108  # a volume of the pod's own
_FOLDER = f"{_HOME}/prober"
_USER = 10001  # of the image, see Containerfile
_READY_S = 120.0
_LIVES_S = 24 * 3600
_OVER = {"Failed", "Succeeded"}
_HOPELESS = {"ErrImageNeverPull", "InvalidImageName"}  # no wait mends these


@dataclass
class ProberPod:
    """One prober's pod at a time. See chaoskit.run.afar.prober.Site."""

    api: Api
    namespace: str
    image: str
    labels: Mapping[str, str]
    progress: Callable[[str], None]
    name: str = field(default="", init=False)
    node: str = field(default="", init=False)
    _uid: str = field(default="", init=False)
    _made: int = field(default=0, init=False)

    def make(self) -> None:
        """Start it anew, and wait until it runs. Raises EnvironmentUnfit."""
        self._made += 1
        known = f"{self.labels.get(RUN_LABEL)}/{self._made}"
        self.name = f"chaoskit-prober-{hashlib.sha256(known.encode()).hexdigest()[:10]}"
        self.progress(f"prober's pod {self.name} in {self.namespace}")
        try:
            made = self.api.create(pods(self.namespace), self._pod())
            self._uid = str(made["metadata"]["uid"])
            ready = wait_until(
                lambda: self._runs() or self._over(), timeout_s=_READY_S, every_s=0.1
            )
            state = self._state()
        except (ApiError, ApiAway) as error:
            self.unmake()  # it may have been made all the same
            message = f"the prober's pod cannot be started in {self.namespace}: {error}"
            raise EnvironmentUnfit(message) from error
        if not ready or state is None or not _running(state):
            self.unmake()
            message = f"the prober's pod {self.name} of {self.image} does not run: {_why(state)}"
            raise EnvironmentUnfit(message)
        self.node = state.node

    def unmake(self) -> None:
        """Remove it; who cannot be asked to, is found by the run's label later. Never raises."""
        with suppress(ApiError, ApiAway):
            self.api.delete(pods(self.namespace, self.name), gracePeriodSeconds=0)

    def reach(self) -> Conversation:
        """A way to the prober in it. Raises ApiAway, ApiError."""
        where = (self.namespace, self.name, _CONTAINER)
        return converse(self.api, where, ("python", "-m", "chaoskit.run.prober.link"))

    def why_gone(self) -> str:
        """Why it will never answer again; "" when it may. Raises ApiAway, ApiError."""
        state = self._state()
        if state is None:
            return f"the prober's pod {self.name} was removed"
        if state.terminating or state.phase in _OVER:
            return f"the prober's pod {self.name} ended: {_why(state)}"
        return ""

    def _runs(self) -> bool:
        state = self._state()
        return state is not None and _running(state)

    def _over(self) -> bool:
        state = self._state()
        if state is None or state.phase in _OVER:
            return True
        return any(one.reason in _HOPELESS for one in state.containers)

    def _state(self) -> PodState | None:
        pod = self.api.find(pods(self.namespace, self.name))
        state = None if pod is None else pod_state(pod)
        return state if state is not None and state.uid == self._uid else None

    def _pod(self) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "labels": {**self.labels, ROLE: "prober"}},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "activeDeadlineSeconds": _LIVES_S,
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "runAsGroup": _USER,
                    "fsGroup": _USER,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [self._container()],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        }

    def _container(self) -> dict[str, object]:
        return {
            "name": _CONTAINER,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python", "-m", "chaoskit.run.prober.inside"],
            "env": [{"name": _FOLDER_VARIABLE, "value": _FOLDER}],
            # No limit on the processor: a prober that is throttled asks late.
            "resources": {
                "requests": {"cpu": "100m", "memory": "64Mi"},
                "limits": {"memory": "512Mi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "tmp", "mountPath": _HOME}],
        }


def _running(state: PodState) -> bool:
    return state.phase == "Running" and any(one.running for one in state.containers)


def _why(state: PodState | None) -> str:
    if state is None:
        return "it is gone"
    reasons = [one.reason for one in state.containers if one.reason]
    return ", ".join(
        [state.phase, *reasons, *(["it is being removed"] if state.terminating else [])]
    )
