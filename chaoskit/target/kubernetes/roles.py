"""Which pod plays a role now: asked in every pod at once, by the target's own command."""

import contextlib
import re
import threading
from collections.abc import Sequence

from chaoskit.model.faults import Instance
from chaoskit.model.target import Role
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError
from chaoskit.target.kubernetes.exec import exec_in
from chaoskit.target.kubernetes.podstate import PodState
from chaoskit.target.patience import Deadline

_PATIENCE_S = 5.0  # a sick pod may never answer


def players(api: Api, namespace: str, here: Sequence[PodState], role: Role) -> tuple[Instance, ...]:
    """The pod that plays a role, as a fault knows it; none when no pod says so in time.

    Asked is the first container of every pod that is up. When several say so, the first by name is
    meant.
    """
    asked = sorted(
        (one for one in here if one.workload == role.service and one.up and one.containers),
        key=lambda one: one.name,
    )
    said: dict[str, bool] = {}

    def ask(pod: PodState) -> None:
        where = (namespace, pod.name, pod.containers[0].name)
        with contextlib.suppress(ApiError, ApiAway):
            ended = exec_in(api, where, role.command, timeout_s=_PATIENCE_S)
            said[pod.uid] = re.search(role.match, ended.out) is not None

    threads = [threading.Thread(target=ask, args=(one,), daemon=True) for one in asked]
    for thread in threads:
        thread.start()
    deadline = Deadline(_PATIENCE_S)
    for thread in threads:
        thread.join(deadline.left_s)
    return tuple(one.instance for one in asked if said.get(one.uid))[:1]
