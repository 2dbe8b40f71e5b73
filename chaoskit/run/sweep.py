"""The sweeper: lifts what lapsed leases in a namespace leave on, without the run's folder.

It runs as a Job in the cluster, or anywhere with `chaoskit k8s sweep`. A lease holds the whole
operation, so nothing else is needed; one that is still renewed is somebody's, and left alone.
"""

from collections.abc import Callable
from contextlib import closing

from chaoskit.errors import ChaoskitError, Exit
from chaoskit.run.clock import pause
from chaoskit.target.engine import RUN_LABEL
from chaoskit.target.kubernetes.api import Api, ApiAway, ApiError, reach
from chaoskit.target.kubernetes.hand import ClusterHand
from chaoskit.target.kubernetes.lease import Found, leases_in

Tell = Callable[[str], None]


def sweep(context: str, namespace: str, *, once: bool, every_s: float, tell: Tell) -> Exit:
    """Look again and again; with `once` a single time. The last look's outcome.

    Raises EnvironmentUnfit when the cluster is not there at the beginning.
    """
    with closing(reach(context)) as api:
        while True:
            outcome = _look(api, namespace, tell)
            if once:
                return outcome
            pause(every_s)


def _look(api: Api, namespace: str, tell: Tell) -> Exit:
    try:
        lapsed = [one for one in leases_in(api, namespace, RUN_LABEL) if one.expired]
    except (ApiError, ApiAway) as error:
        tell(f"the leases cannot be read: {error}")
        return Exit.LEFT_BEHIND
    outcome = Exit.PASS
    for lease in lapsed:
        tell(f"nobody renews {lease.operation.kind} of {lease.operation.instance.name}")
        if not _lift(api, namespace, lease, tell):
            outcome = Exit.LEFT_BEHIND
    return outcome


def _lift(api: Api, namespace: str, lease: Found, tell: Tell) -> bool:
    image = str(lease.operation.params.get("agent_image", ""))
    hand = ClusterHand.of(api, namespace, image=image, labels={RUN_LABEL: lease.run})
    try:
        gone = hand.undo(lease.handle, lease.operation)
    except ChaoskitError as error:
        tell(f"it may still be on: {error}")
        return False
    finally:
        hand.close()
    tell(f"lifted: {gone.evidence}")
    return True
